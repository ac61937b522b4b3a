// SPDX-License-Identifier: Apache-2.0
import { Code, type DescriptorLink, type Descriptors, type Fd, type InodeRef, StatusError } from "@nsm/core";

/** Descriptors without a kernel: paths stand for inodes, every open one is counted. */
export interface MemoryDescriptors extends Descriptors {
  /** Descriptors opened or received and not closed yet. */
  readonly openCount: number;
  /** Another descriptor of the same file. */
  duplicate(fd: Fd): Fd;
}

/** Makes an empty table; equal paths are the same inode, any two others differ. */
export function memoryDescriptors(): MemoryDescriptors {
  const inodes = new Map<string, bigint>();
  let openCount = 0;
  let serial = 0;
  const make = (ref: InodeRef): Fd => {
    openCount += 1;
    let open = true;
    return {
      dev: ref.dev,
      ino: ref.ino,
      fd: -1,
      path: `/proc/1/fd/${1000 + serial++}`,
      close() {
        if (open) openCount -= 1;
        open = false;
      },
    };
  };
  const table: MemoryDescriptors = {
    get openCount() {
      return openCount;
    },
    duplicate: (fd) => {
      const copy = make(fd);
      inodes.set(copy.path, fd.ino);
      return copy;
    },
    open: async (path) => {
      const ino = inodes.get(path) ?? BigInt(4_026_531_840 + inodes.size);
      inodes.set(path, ino);
      return make({ dev: 4n, ino });
    },
  };
  return table;
}

/**
 * Both ends of a connection that passes memory descriptors, and what ends it: descriptors that were sent and not
 * received are closed then, as the kernel closes those in flight with their socket.
 */
export function memoryLinkPair(
  table: MemoryDescriptors,
): [own: DescriptorLink, peer: DescriptorLink, close: () => void] {
  const queues: [Fd[], Fd[]] = [[], []];
  let open = true;
  const link = (own: 0 | 1): DescriptorLink => ({
    send: (fd) => {
      if (open) queues[own === 0 ? 1 : 0].push(table.duplicate(fd));
    },
    receive: async (ref) => {
      const queue = queues[own];
      const index = queue.findIndex((fd) => fd.dev === ref.dev && fd.ino === ref.ino);
      const [fd] = index < 0 ? [] : queue.splice(index, 1);
      if (fd) return fd;
      throw new StatusError(
        Code.FAILED_PRECONDITION,
        `descriptor inode://${ref.dev}/${ref.ino} was not received`,
        {
          reason: "DESCRIPTOR_NOT_RECEIVED",
        },
      );
    },
  });
  const close = (): void => {
    open = false;
    for (const fd of queues.flatMap((queue) => queue.splice(0))) fd.close();
  };
  return [link(0), link(1), close];
}
