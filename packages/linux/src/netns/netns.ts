// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync } from "node:fs";
import { type FileIdentity, fileIdentity, hasCode, ioctl, linuxError } from "../syscall/index.js";

const O_PATH = 0o10000000;
const NS_GET_NSTYPE = 0xb703; // linux/nsfs.h
/** CLONE_NEWNET of linux/sched.h, the type that setns(2) and NS_GET_NSTYPE use for network namespaces. */
export const CLONE_NEWNET = 0x40000000;
/** The calling thread's own namespace; `/proc/self` would be the main thread's. */
export const ownNetnsPath = "/proc/thread-self/ns/net";

/** What identifies a network namespace while it exists; numbers may be used again after its death. */
export interface NetnsId {
  /** `st_dev` of the nsfs file. */
  readonly dev: bigint;
  /** `st_ino` of the nsfs file, the number in `inode://<dev>/<ino>` and in `/proc/<pid>/ns/net`. */
  readonly ino: bigint;
}

/**
 * An open network namespace. Holding one keeps the namespace and all its links alive: close it as soon as the
 * call that needed it returns.
 */
export interface Netns {
  /** Read-only nsfs descriptor, usable in setns(2) and IFLA_NET_NS_FD; owned by this handle. */
  readonly fd: number;
  readonly id: NetnsId;
  /** Gives the descriptor back; further calls do nothing. */
  close(): void;
}

/** True when both name the same namespace. */
export function sameNetns(a: NetnsId, b: NetnsId): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/**
 * Opens a network namespace by path, for example `/proc/<pid>/ns/net` or `/run/netns/<name>`. The path is looked
 * at before it is opened for reading, so that a pipe or a device is refused without being touched.
 * @throws LinuxError EINVAL `not a network namespace`; the code of open(2) when the path cannot be opened
 */
export function openNetns(path: string): Netns {
  const fd = openSync(path, O_PATH);
  try {
    return openNetnsFd(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Opens the network namespace that a descriptor refers to. Go peers send O_PATH descriptors, which setns(2)
 * refuses with EBADF; a fresh one is made through `/proc/self/fd`. `fd` stays the caller's.
 * @throws LinuxError EINVAL `not a network namespace`; EBADF
 */
export function openNetnsFd(fd: number): Netns {
  const identity = assertNsfs(fd);
  const opened = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY);
  try {
    if (ioctl(opened, NS_GET_NSTYPE) !== CLONE_NEWNET) throw notANetns();
  } catch (error) {
    closeSync(opened);
    throw hasCode(error, "ENOTTY") ? notANetns() : error;
  }
  return netnsHandle(opened, identity);
}

/** Opens the network namespace of the calling thread. @throws LinuxError EMFILE */
export function currentNetns(): Netns {
  return openNetns(ownNetnsPath);
}

/**
 * Identity of the namespace at a path, without keeping it open.
 * @throws LinuxError EINVAL `not a network namespace`; the code of open(2)
 */
export function netnsId(path: string = ownNetnsPath): NetnsId {
  const netns = openNetns(path);
  netns.close();
  return netns.id;
}

function notANetns(): Error {
  return linuxError("EINVAL", "open", { extAck: "not a network namespace" });
}

/** All namespaces live on one nsfs device; anything on another device is refused before it is opened. */
function assertNsfs(fd: number): FileIdentity {
  const identity = fileIdentity(fd);
  const own = openSync(ownNetnsPath, O_PATH);
  try {
    if (fileIdentity(own).dev !== identity.dev) throw notANetns();
  } finally {
    closeSync(own);
  }
  return identity;
}

function netnsHandle(fd: number, { dev, ino }: NetnsId): Netns {
  let open = true;
  return {
    fd,
    id: { dev, ino },
    close() {
      if (!open) return;
      open = false;
      closeSync(fd);
    },
  };
}
