// SPDX-License-Identifier: Apache-2.0

import { closeSync, openSync } from "node:fs";
import type { Descriptors, Fd } from "@nsm/core";
import { fileIdentity } from "@nsm/linux/syscall";

const O_PATH = 0o10000000; // linux/fcntl.h

/** An open descriptor by its number; `close` closes the number once. */
function ownedFd(fd: number, { dev, ino }: Pick<Fd, "dev" | "ino">): Fd {
  let open = true;
  return {
    fd,
    dev,
    ino,
    path: `/proc/${process.pid}/fd/${fd}`,
    close() {
      if (!open) return;
      open = false;
      closeSync(fd);
    },
  };
}

/** Opens files of this machine with O_PATH: no permission to read them is needed, nothing is read. */
export const linuxDescriptors: Descriptors = {
  async open(path) {
    const fd = openSync(path, O_PATH);
    try {
      return ownedFd(fd, fileIdentity(fd));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  },
};
