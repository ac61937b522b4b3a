// SPDX-License-Identifier: Apache-2.0

/** A file by device and inode number, as `inode://<dev>/<ino>` URLs name it on the wire. */
export interface InodeRef {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** An open descriptor of this process. */
export interface Fd extends InodeRef {
  /** Descriptor number; -1 in memory. */
  readonly fd: number;
  /** Path under which this process can open the file while the descriptor is open, for example `/proc/<pid>/fd/<n>`. */
  readonly path: string;
  /** Safe to call twice. */
  close(): void;
}

/** Opens files whose descriptors are to be sent. */
export interface Descriptors {
  /**
   * Opens without reading or writing (O_PATH), as upstream's `SendFilename`.
   * @param path absolute path, for example `/proc/thread-self/ns/net`
   * @throws the system error of open(2)
   */
  open(path: string): Promise<Fd>;
}
