// SPDX-License-Identifier: Apache-2.0
import { close, closeSync, openSync, statSync } from "node:fs";
import { identify, isPathDescriptor, namespaceType } from "./bindings.js";

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFSOCK = 0o140000;
const CLONE_NEWNET = 0x40000000;

/** A descriptor that may be kept. */
export interface AcceptedDescriptor {
  /** Owned by whoever holds this object. */
  readonly fd: number;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** What is known of a descriptor that was closed at once; nothing when even fstat(2) failed. */
export interface RefusedDescriptor {
  readonly refused: { readonly dev: bigint; readonly ino: bigint } | undefined;
}

/**
 * Closes a descriptor off the main thread: the last close of a file on a dead network or user-space file system
 * may block for as long as its server likes.
 */
function closeForeign(fd: number): void {
  close(fd, () => {});
}

/** Device of the file system of namespaces, the one of every `/proc/<pid>/ns/*`. */
export const namespaceDevice = (): bigint => statSync("/proc/self/ns/net", { bigint: true }).dev;

/**
 * Decides about a descriptor that a peer sent, before anything is known of the peer. Kept are network namespaces
 * (regular files of nsfs whose NS_GET_NSTYPE is CLONE_NEWNET) and socket files (S_IFSOCK outside sockfs), the two
 * kinds that Network Service Mesh passes. Everything else is closed at once: a connected socket above all, since a
 * peer that sends its own end of the connection would keep the connection open for ever.
 *
 * A namespace opened with `O_PATH` (as Go's `grpcfd.SendFilename` does) is opened again through
 * `/proc/self/fd`, because ioctl(2) and setns(2) refuse `O_PATH`. The device is checked before that: opening some
 * device or pipe would have effects.
 *
 * @param fd ownership passes to this function
 * @param devices `namespaces`: of nsfs; `sockets`: of sockfs
 */
export function acceptDescriptor(
  fd: number,
  devices: { readonly namespaces: bigint; readonly sockets: bigint },
): AcceptedDescriptor | RefusedDescriptor {
  let kept: number | undefined;
  let refused: RefusedDescriptor["refused"];
  try {
    const { mode, dev, ino } = identify(fd);
    refused = { dev, ino };
    const type = mode & S_IFMT;
    if (type === S_IFSOCK && dev !== devices.sockets) {
      kept = fd;
      return { fd, dev, ino };
    }
    if (type !== S_IFREG || dev !== devices.namespaces) return { refused };
    const usable = isPathDescriptor(fd) ? openSync(`/proc/self/fd/${fd}`, "r") : fd;
    if (namespaceType(usable) === CLONE_NEWNET) {
      kept = usable;
      return { fd: usable, dev, ino };
    }
    if (usable !== fd) closeSync(usable);
    return { refused };
  } catch {
    return { refused }; // gone, or not to be opened here
  } finally {
    if (kept !== fd) closeForeign(fd);
  }
}
