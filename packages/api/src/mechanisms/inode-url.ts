// SPDX-License-Identifier: Apache-2.0
import { InvalidValueError } from "../errors.js";

/** Identity of an open file, here a network namespace or a socket file: what fstat(2) shows. */
export interface InodeRef {
  /** `st_dev`. */
  readonly dev: bigint;
  /** `st_ino`. */
  readonly ino: bigint;
}

const INODE_URL = /^inode:\/\/([0-9]{1,20})\/([0-9]{1,20})$/;
const UINT64_MAX = 0xffffffffffffffffn;

/**
 * Reads `inode://<dev>/<ino>`, both decimal: the form in which grpcfd peers announce a descriptor.
 *
 * @throws INVALID_ARGUMENT NSM_INODE_URL for any other text or a number beyond 64 bits
 */
export function parseInodeUrl(text: string): InodeRef {
  const match = INODE_URL.exec(text);
  if (match !== null) {
    const dev = BigInt(match[1] ?? "");
    const ino = BigInt(match[2] ?? "");
    if (dev <= UINT64_MAX && ino <= UINT64_MAX) return { dev, ino };
  }
  throw new InvalidValueError("NSM_INODE_URL", "inodeURL", `not an inode URL: ${JSON.stringify(text)}`);
}

/** Text `inode://<dev>/<ino>` of a reference, decimal without leading zeros. */
export function formatInodeUrl({ dev, ino }: InodeRef): string {
  return `inode://${dev}/${ino}`;
}

/** True for text of the scheme `inode`, readable or not. */
export function isInodeUrl(text: string): boolean {
  return text.startsWith("inode://");
}
