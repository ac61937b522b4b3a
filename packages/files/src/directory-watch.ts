// SPDX-License-Identifier: Apache-2.0
import { type FSWatcher, mkdirSync, statSync, watch } from "node:fs";

const MISSING = "missing";

/** Tells directories apart that had the same path one after the other. */
function identityOf(directory: string): string {
  const stat = statSync(directory, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? MISSING : `${stat.dev}:${stat.ino}`;
}

/** Watches a directory that may be removed and made again, and makes it when it is missing. */
export class DirectoryWatch {
  #watcher: FSWatcher | undefined;
  #identity = MISSING;

  /** @param onChange called after anything in the directory may have changed */
  constructor(
    private readonly directory: string,
    private readonly onChange: () => void,
  ) {}

  /**
   * Makes sure that the directory that has the path now is the watched one.
   * @throws the system error when it cannot be made or watched
   */
  ensure(): void {
    if (this.#watcher !== undefined && identityOf(this.directory) === this.#identity) return;
    this.close();
    mkdirSync(this.directory, { recursive: true });
    this.#identity = identityOf(this.directory);
    this.#watcher = watch(this.directory, { persistent: false }, () => this.onChange());
    this.#watcher.on("error", () => this.onChange());
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
