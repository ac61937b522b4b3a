// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { type Netns, runInOptionalNetns } from "../netns/index.js";
import { bind, hasCode, socket } from "../syscall/index.js";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const longestNameBytes = 107;

/** A name held by this process. */
export interface HeldName {
  /** Gives it up; the end of the process does so too. */
  close(): void;
}

/**
 * Holds a name that one process at a time can have in a network namespace, whatever its other namespaces are: an
 * abstract unix socket (unix(7)) that nobody talks to. The kernel gives it up when the process ends in any way.
 * @param netns default: the own one
 * @returns undefined when somebody holds it
 * @throws LinuxError EPERM when the namespace cannot be entered; EMFILE
 * @throws TypeError for an empty name, and for one of more than 107 bytes
 */
export function holdName(name: string, netns?: Netns): HeldName | undefined {
  const bytes = Buffer.from(name);
  if (bytes.length === 0 || bytes.length > longestNameBytes) throw new TypeError("a name has 1 to 107 bytes");
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0, 0]), bytes]); // the zero after the family: abstract
  const fd = runInOptionalNetns(netns, () => socket(AF_UNIX, SOCK_STREAM, 0));
  try {
    bind(fd, address);
  } catch (error) {
    closeSync(fd);
    if (hasCode(error, "EADDRINUSE")) return undefined;
    throw error;
  }
  let open = true;
  return {
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}
