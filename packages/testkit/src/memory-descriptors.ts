// SPDX-License-Identifier: Apache-2.0
import { Code, type DescriptorLink, type Descriptors, type Fd, type InodeRef, StatusError } from "@nsm/core";

/** Descriptors without a kernel: paths stand for inodes, every open one is counted. */
export interface MemoryDescriptors extends Descriptors {
  /** Descriptors opened or received and not closed yet. */
  readonly openCount: number;
  /** Another descriptor of the same file. */
  duplicate(fd: Fd): Fd;
  /** From now on the path is another file, as a socket that is bound anew. */
  replace(path: string): void;
  /**
   * Where an open descriptor leads: the path of its file.
   * @param path of a descriptor; any other path is returned as it is
   * @returns undefined when the descriptor is closed, or when its file is not at its path any more
   */
  resolve(path: string): string | undefined;
}

const DESCRIPTOR_PATH = /^\/proc\/1\/fd\/\d+$/;

/** Makes an empty table; equal paths are the same inode, any two others differ. */
export function memoryDescriptors(): MemoryDescriptors {
  /** Inodes of files by their path. */
  const inodes = new Map<string, bigint>();
  /** Inodes of open descriptors by their path. */
  const opened = new Map<string, bigint>();
  const names = new Map<bigint, string>();
  let serial = 0;
  const make = (ref: InodeRef): Fd => {
    const path = `/proc/1/fd/${1000 + serial++}`;
    opened.set(path, ref.ino);
    return { dev: ref.dev, ino: ref.ino, fd: -1, path, close: () => void opened.delete(path) };
  };
  const newInode = (path: string): bigint => {
    const ino = BigInt(4_026_531_840 + names.size);
    inodes.set(path, ino);
    names.set(ino, path);
    return ino;
  };
  const table: MemoryDescriptors = {
    get openCount() {
      return opened.size;
    },
    duplicate: make,
    open: async (path) => make({ dev: 4n, ino: opened.get(path) ?? inodes.get(path) ?? newInode(path) }),
    replace: (path) => void newInode(path),
    resolve: (path) => {
      if (!DESCRIPTOR_PATH.test(path)) return path;
      const ino = opened.get(path);
      const name = ino === undefined ? undefined : names.get(ino);
      return name !== undefined && inodes.get(name) === ino ? name : undefined;
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
