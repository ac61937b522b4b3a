// SPDX-License-Identifier: Apache-2.0
import koffi from "koffi";
import { LinuxError, type LinuxErrorDetails } from "./error.js";

// The program itself is linked against libc: glibc and musl are found alike.
const libc = koffi.load(null);

/** Bindings of libc as they are: -1 means failure and `errno` must be read before the next call. */
const raw = {
  setns: libc.func("int setns(int fd, int type)"),
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  bind: libc.func("int bind(int fd, const uint8_t *address, uint32_t length)"),
  sendto: libc.func(
    "long sendto(int fd, const uint8_t *buffer, size_t length, int flags, const uint8_t *address, uint32_t addressLength)",
  ),
  recv: libc.func("long recv(int fd, _Out_ uint8_t *buffer, size_t length, int flags)"),
  recvfrom: libc.func(
    "long recvfrom(int fd, _Out_ uint8_t *buffer, size_t length, int flags, _Out_ uint8_t *address, _Inout_ uint32_t *addressLength)",
  ),
  setsockopt: libc.func(
    "int setsockopt(int fd, int level, int option, const uint8_t *value, uint32_t length)",
  ),
  getsockopt: libc.func(
    "int getsockopt(int fd, int level, int option, _Out_ uint8_t *value, _Inout_ uint32_t *length)",
  ),
  // ioctl and fcntl are variadic in C; integer arguments are passed alike on x86-64 and arm64 Linux.
  ioctl: libc.func("int ioctl(int fd, unsigned long request, long argument)"),
  fcntl: libc.func("int fcntl(int fd, int command, long argument)"),
  // Variadic likewise; glibc has no pidfd_open before 2.36, musl none
  syscall: libc.func("long syscall(long number, long first, long second)"),
  waitpid: libc.func("int waitpid(int pid, int *status, int options)"),
  statx: libc.func("int statx(int dir, const char *path, int flags, uint32_t mask, _Out_ uint8_t *buffer)"),
};

/** Error number of the last call of this thread; only meaningful right after a failed call. */
export function lastErrno(): number {
  return koffi.errno();
}

/**
 * Passes a result of libc on, or throws when it is negative. Must be called right after the call itself.
 * @throws LinuxError with the errno of the call
 */
export function checked(result: number, syscall: string, details?: LinuxErrorDetails): number {
  if (result >= 0) return result;
  throw new LinuxError(lastErrno(), syscall, details);
}

const F_DUPFD_CLOEXEC = 1030; // linux/fcntl.h

/** Duplicates a descriptor, close-on-exec. @throws LinuxError EBADF, EMFILE */
export function duplicate(fd: number): number {
  return checked(raw.fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl");
}

/** ioctl(2) with an integer argument. @throws LinuxError */
export function ioctl(fd: number, request: number, argument = 0): number {
  return checked(raw.ioctl(fd, request, argument), "ioctl");
}

/** setns(2): moves the calling thread. `type` is one of the CLONE_NEW* flags. @throws LinuxError */
export function setns(fd: number, type: number): void {
  checked(raw.setns(fd, type), "setns");
}

const SYS_PIDFD_OPEN = 434; // the same on all architectures

/** pidfd_open(2), close-on-exec. @throws LinuxError ESRCH, EMFILE, ENOSYS */
export function pidfdOpen(pid: number): number {
  return checked(raw.syscall(SYS_PIDFD_OPEN, pid, 0), "pidfd_open");
}

const WNOHANG = 1;

/** waitpid(2) of one child, without waiting. @returns whether it was dead, and is gone now */
export function reapChild(pid: number): boolean {
  return raw.waitpid(pid, null, WNOHANG) === pid;
}

const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/** socket(2), always close-on-exec and non-blocking. @throws LinuxError */
export function socket(domain: number, type: number, protocol: number): number {
  return checked(raw.socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), "socket");
}

/** bind(2); `address` is a sockaddr in memory layout. @throws LinuxError */
export function bind(fd: number, address: Uint8Array): void {
  checked(raw.bind(fd, address, address.length), "bind");
}

/** setsockopt(2) with an int value. @throws LinuxError */
export function setIntegerOption(fd: number, level: number, option: number, value: number): void {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  checked(raw.setsockopt(fd, level, option, buffer, buffer.length), "setsockopt");
}

/** getsockopt(2): at most `lengthBytes` of the value. @throws LinuxError */
export function getOption(fd: number, level: number, option: number, lengthBytes: number): Buffer {
  const buffer = Buffer.alloc(lengthBytes);
  const length = [lengthBytes];
  checked(raw.getsockopt(fd, level, option, buffer, length), "getsockopt");
  return buffer.subarray(0, length[0]);
}

/** sendto(2) without flags; `address` undefined for a connected or netlink socket. @throws LinuxError */
export function send(fd: number, data: Uint8Array, address?: Uint8Array): number {
  return checked(raw.sendto(fd, data, data.length, 0, address ?? null, address?.length ?? 0), "sendto");
}

/** koffi runs 256 calls at a time and refuses more; libuv's pool has four threads anyway. */
const BACKGROUND_CALLS_MAX = 64;
let backgroundCalls = 0;
const waitingCalls: (() => void)[] = [];

/**
 * sendto(2) of a netlink message on a thread of the pool, for requests that keep the kernel busy for long. Any number
 * may be asked for; they begin in that order.
 * @returns whether it was sent; the error number stays on that other thread
 */
export async function sendInBackground(fd: number, data: Uint8Array): Promise<boolean> {
  if (backgroundCalls >= BACKGROUND_CALLS_MAX) await new Promise<void>((free) => waitingCalls.push(free));
  else backgroundCalls++;
  try {
    return await sendOnThread(fd, data);
  } finally {
    const next = waitingCalls.shift();
    if (next === undefined) backgroundCalls--;
    else next();
  }
}

function sendOnThread(fd: number, data: Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) => {
    raw.sendto.async(fd, data, data.length, 0, null, 0, (error: unknown, result: number) => {
      if (error) reject(error);
      else resolve(result === data.length);
    });
  });
}

const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
const EINTR = 4;

/**
 * recv(2) that never waits. Returns the number of bytes put into `buffer`, or undefined when nothing is there.
 * @param flags further MSG_* flags
 * @throws LinuxError
 */
export function receive(fd: number, buffer: Uint8Array, flags = 0): number | undefined {
  for (;;) {
    const length: number = raw.recv(fd, buffer, buffer.length, MSG_DONTWAIT | flags);
    if (length >= 0) return length;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new LinuxError(errno, "recv");
  }
}

/**
 * recvfrom(2) that never waits; the sender's sockaddr is put into `address`.
 * @throws LinuxError
 */
export function receiveFrom(fd: number, buffer: Uint8Array, address: Uint8Array): number | undefined {
  const addressLength = [address.length];
  const length: number = raw.recvfrom(fd, buffer, buffer.length, MSG_DONTWAIT, address, addressLength);
  if (length >= 0) return length;
  const errno = lastErrno();
  if (errno === EAGAIN || errno === EINTR) return undefined;
  throw new LinuxError(errno, "recvfrom");
}

/** Type, device and inode of a file, as statx(2) gives them. */
export interface FileIdentity {
  /** `st_mode`: type and permissions. */
  readonly mode: number;
  /** `st_dev` in the encoding of stat(2) on Linux. */
  readonly dev: bigint;
  readonly ino: bigint;
}

const AT_EMPTY_PATH = 0x1000;
const AT_STATX_DONT_SYNC = 0x4000;
const STATX_TYPE_INO = 0x1 | 0x2 | 0x100; // type, mode, inode

/**
 * Identity of what a descriptor refers to, from what the kernel has cached: a foreign descriptor of a hung
 * network file system cannot stop the process (AT_STATX_DONT_SYNC). Works on O_PATH descriptors.
 * @throws LinuxError EBADF
 */
export function fileIdentity(fd: number): FileIdentity {
  const buffer = Buffer.alloc(256);
  checked(raw.statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE_INO, buffer), "statx");
  const major = BigInt(buffer.readUInt32LE(136));
  const minor = BigInt(buffer.readUInt32LE(140));
  // glibc's makedev, so that the value equals st_dev of stat(2) and of Node's bigint stats
  const dev =
    ((major & 0xfffff000n) << 32n) |
    ((major & 0xfffn) << 8n) |
    ((minor & 0xffffff00n) << 12n) |
    (minor & 0xffn);
  return { mode: buffer.readUInt16LE(28), dev, ino: buffer.readBigUInt64LE(32) };
}
