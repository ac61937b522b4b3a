// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { Scope } from "@nsm/core";
import { publicUrl } from "@nsm/transport";

/** What the machine adds to a daemon's settings. */
export interface ConfigHost {
  /** See `publicUrl`, with this machine's addresses. */
  publicUrl(listenOn: readonly URL[]): URL;
  /**
   * URL of a unix socket `listen.on` in a fresh directory `<name><random>` below `TMPDIR`, as upstream's endpoints
   * use; the directory is removed when the daemon has ended.
   */
  temporarySocket(name: string): URL;
}

/** The machine this process runs on. @param undo gets the removal of what is made */
export function configHost(undo: Scope): ConfigHost {
  return {
    publicUrl: (listenOn) =>
      publicUrl(
        listenOn,
        Object.values(networkInterfaces()).flatMap((of) => of ?? []),
      ),
    temporarySocket(name) {
      const directory = mkdtempSync(join(tmpdir(), name.replaceAll("/", "-")));
      undo.add(() => rmSync(directory, { recursive: true, force: true }));
      return new URL(`unix://${directory}/listen.on`);
    },
  };
}
