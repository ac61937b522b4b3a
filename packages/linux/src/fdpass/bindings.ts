// SPDX-License-Identifier: Apache-2.0
import { createRequire } from "node:module";
import koffi from "koffi";
import { systemCallError } from "./errors.js";

// Values of asm-generic headers, equal on x86-64 and arm64.
/** linux/errno: interrupted by a signal. */
export const EINTR = 4;
/** linux/errno: would block. */
export const EAGAIN = 11;
/** sys/epoll.h */
export const EPOLLIN = 0x001;
/** sys/epoll.h */
export const EPOLLOUT = 0x004;
/** sys/epoll.h */
export const EPOLLERR = 0x008;
/** sys/epoll.h */
export const EPOLLHUP = 0x010;
/** sys/epoll.h */
export const EPOLLRDHUP = 0x2000;
const EPOLLONESHOT = 0x40000000;
const EPOLL_CLOEXEC = 0x80000;
const EFD_CLOEXEC = 0x80000;
/** sys/epoll.h */
export const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
/** sys/epoll.h */
export const EPOLL_CTL_MOD = 3;
const F_GETFL = 3;
const F_DUPFD_CLOEXEC = 1030;
const O_PATH = 0o10000000;
const SHUT_WR = 1;
const SHUT_RDWR = 2;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77;
const NS_GET_NSTYPE = 0xb703;
const AT_EMPTY_PATH = 0x1000;
const AT_STATX_DONT_SYNC = 0x4000;
const STATX_TYPE = 0x1;
const STATX_INO = 0x100;

const libc = koffi.load(null);
const libcEpollCreate1: (flags: number) => number = libc.func("int epoll_create1(int flags)");
const libcEpollCtl: (epoll: number, op: number, fd: number, event: Uint8Array | null) => number = libc.func(
  "int epoll_ctl(int epfd, int op, int fd, void *event)",
);
const libcEventfd: (initial: number, flags: number) => number = libc.func(
  "int eventfd(uint32_t initval, int flags)",
);
const libcFcntl: (fd: number, command: number, type: "int", value: number) => number = libc.func(
  "int fcntl(int fd, int cmd, ...)",
);
const libcIoctl: (fd: number, request: number) => number = libc.func(
  "int ioctl(int fd, unsigned long request, ...)",
);
const libcShutdown: (fd: number, how: number) => number = libc.func("int shutdown(int fd, int how)");
const libcGetsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  length: Uint8Array,
) => number = libc.func("int getsockopt(int fd, int level, int optname, void *optval, void *optlen)");
const libcStatx: (fd: number, path: string, flags: number, mask: number, result: Uint8Array) => number =
  libc.func("int statx(int dirfd, const char *path, int flags, uint32_t mask, void *statxbuf)");

/** send(2); the number of bytes taken or -1 with {@link errno}. */
export const send: (fd: number, bytes: Uint8Array, length: number, flags: number) => number = libc.func(
  "long send(int fd, const void *buf, size_t len, int flags)",
);
/** sendmsg(2) of a `struct msghdr` in memory; the number of bytes taken or -1 with {@link errno}. */
export const sendmsg: (fd: number, header: Uint8Array, flags: number) => number = libc.func(
  "long sendmsg(int fd, const void *msg, int flags)",
);
/** recvmsg(2) into a `struct msghdr` in memory; the number of bytes, 0 at the end or -1 with {@link errno}. */
export const recvmsg: (fd: number, header: Uint8Array, flags: number) => number = libc.func(
  "long recvmsg(int fd, void *msg, int flags)",
);

/** errno(3) of this thread's last call. */
export const errno = (): number => koffi.errno();

/** Address of memory that stays where it is: pass only arrays made by {@link stableMemory}. */
export const addressOf = (memory: Uint8Array): bigint => koffi.address(memory);

/** Zeroed memory outside the heap of JavaScript; its address never changes. */
export const stableMemory = (bytes: number): Buffer => Buffer.from(new ArrayBuffer(bytes));

/** Where this installation keeps koffi, for `require` in a thread that runs from a source text. */
export const koffiPath = (): string => createRequire(import.meta.url).resolve("koffi");

function checked(syscall: string, result: number): number {
  if (result < 0) throw systemCallError(syscall, errno());
  return result;
}

/** Size of `struct epoll_event` and offset of its data: packed on x86-64 alone (sys/epoll.h). */
export const epollEventLayout =
  process.arch === "x64" ? { size: 12, dataOffset: 4 } : { size: 16, dataOffset: 8 };

const eventScratch = stableMemory(16);

/** epoll_create1(2), closed on exec. */
export const epollCreate = (): number => checked("epoll_create1", libcEpollCreate1(EPOLL_CLOEXEC));

/** eventfd(2) with value 0, closed on exec. */
export const eventfd = (): number => checked("eventfd", libcEventfd(0, EFD_CLOEXEC));

/**
 * epoll_ctl(2) for one report (`EPOLLONESHOT`), or for any number when `repeated`.
 *
 * @param id unsigned 32 bit number that the report carries
 */
export function epollSet(
  epoll: number,
  operation: number,
  fd: number,
  events: number,
  id: number,
  repeated = false,
): void {
  eventScratch.writeUInt32LE((repeated ? events : events | EPOLLONESHOT) >>> 0, 0);
  eventScratch.writeUInt32LE(id, epollEventLayout.dataOffset);
  eventScratch.writeUInt32LE(0, epollEventLayout.dataOffset + 4);
  checked("epoll_ctl", libcEpollCtl(epoll, operation, fd, eventScratch));
}

/** Takes a descriptor out of an epoll set; one that is not in it is left alone. */
export function epollRemove(epoll: number, fd: number): void {
  libcEpollCtl(epoll, EPOLL_CTL_DEL, fd, null);
}

/** A new descriptor of the same open file, closed on exec. */
export const duplicate = (fd: number): number => checked("fcntl", libcFcntl(fd, F_DUPFD_CLOEXEC, "int", 3));

/** Whether the descriptor was opened with `O_PATH` and so allows neither ioctl(2) nor setns(2). */
export const isPathDescriptor = (fd: number): boolean =>
  (checked("fcntl", libcFcntl(fd, F_GETFL, "int", 0)) & O_PATH) !== 0;

/** Type of a namespace as a `CLONE_NEW*` flag (linux/nsfs.h), or -1. Only for descriptors on nsfs. */
export const namespaceType = (fd: number): number => libcIoctl(fd, NS_GET_NSTYPE);

/** Ends sending; failure means that the connection is gone already. */
export function shutdownWriting(fd: number): void {
  libcShutdown(fd, SHUT_WR);
}

/** Ends both directions, visible to the peer at once. */
export function shutdownBoth(fd: number): void {
  libcShutdown(fd, SHUT_RDWR);
}

function socketOption(fd: number, option: number, bytes: number): Buffer | undefined {
  const value = stableMemory(bytes);
  const length = stableMemory(4);
  length.writeUInt32LE(bytes);
  return libcGetsockopt(fd, SOL_SOCKET, option, value, length) < 0 ? undefined : value;
}

/** `struct ucred` of the peer (unix(7), SO_PEERCRED). */
export function peerUcred(fd: number): { pid: number; uid: number; gid: number } {
  const value = socketOption(fd, SO_PEERCRED, 12);
  if (value === undefined) throw systemCallError("getsockopt", errno());
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) };
}

/** A pidfd of the peer (SO_PEERPIDFD, Linux 6.5), or undefined where the kernel has none. */
export const peerPidfdOf = (fd: number): number | undefined =>
  socketOption(fd, SO_PEERPIDFD, 4)?.readInt32LE(0);

const statxScratch = stableMemory(256);

/** What statx(2) tells about a descriptor without asking the file system's server. */
export interface DescriptorIdentity {
  /** `st_mode`; only the type bits are meaningful. */
  readonly mode: number;
  /** `st_dev` as fstat(2) reports it. */
  readonly dev: bigint;
  /** `st_ino`. */
  readonly ino: bigint;
}

/**
 * Identity of an open descriptor, `O_PATH` ones included. Uses `AT_STATX_DONT_SYNC`: a descriptor on a dead
 * network or user-space file system must not block the caller.
 */
export function identify(fd: number): DescriptorIdentity {
  const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  checked("statx", libcStatx(fd, "", flags, STATX_TYPE | STATX_INO, statxScratch));
  const major = BigInt(statxScratch.readUInt32LE(136));
  const minor = BigInt(statxScratch.readUInt32LE(140));
  return {
    mode: statxScratch.readUInt16LE(28),
    ino: statxScratch.readBigUInt64LE(32),
    // gnu_dev_makedev of sys/sysmacros.h
    dev:
      ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) | ((minor & ~0xffn) << 12n) | (minor & 0xffn),
  };
}
