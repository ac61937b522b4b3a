// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";

const BLOCK_BYTES = 512;

/** Where the fields of a header stand (POSIX.1-2017, pax, "ustar Interchange Format"). */
const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const TYPE = [156, 157] as const;
const MAGIC = [257, 262] as const;

/** Types of plain files; the empty one is that of archives older than ustar. */
const FILE_TYPES: ReadonlySet<string> = new Set(["0", ""]);

/**
 * The plain files of a tar archive by name, without leading slashes and `./`. Names above 100 characters are not put
 * together: nothing that is looked for has one.
 * @throws INVALID_ARGUMENT TAR_MALFORMED
 */
export function filesOfTar(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at < archive.length; ) {
    const header = archive.subarray(at, at + BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) break;
    const size = Number.parseInt(textOf(header, SIZE), 8);
    const start = at + BLOCK_BYTES;
    if (textOf(header, MAGIC) !== "ustar" || !(size >= 0) || start + size > archive.length) {
      throw new StatusError(Code.INVALID_ARGUMENT, "not a tar archive, or only a part of one", {
        reason: "TAR_MALFORMED",
      });
    }
    const name = textOf(header, NAME).replace(/^\.?\/+/, "");
    if (FILE_TYPES.has(textOf(header, TYPE))) files.set(name, archive.subarray(start, start + size));
    at = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return files;
}

/** Text of a field, up to its first zero octet, without blanks around it. */
function textOf(header: Uint8Array, [start, end]: readonly [number, number]): string {
  const [text = ""] = Buffer.from(header.subarray(start, end)).toString("latin1").split("\0");
  return text.trim();
}
