// SPDX-License-Identifier: Apache-2.0
import { type FSWatcher, mkdirSync, statSync, watch } from "node:fs";

const MISSING = "missing";

/** Tells directories apart that had the same path one after the other. */
function identityOf(directory: string): string {
  const stat = statSync(directory, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? MISSING : `${stat.dev}:${stat.ino}`;
}

/** Watches a directory that may be removed and made again. */
export class DirectoryWatch {
  #watcher: FSWatcher | undefined;
  #identity = MISSING;

  /**
   * @param create whether a missing directory is made
   * @param onChange called after anything in the directory may have changed
   */
  constructor(
    private readonly directory: string,
    private readonly create: boolean,
    private readonly onChange: () => void,
  ) {}

  /**
   * Makes sure that the directory that has the path now is the watched one.
   * @returns false when it is missing and not to be made
   * @throws the system error when it cannot be made or watched
   */
  ensure(): boolean {
    if (this.#watcher !== undefined && identityOf(this.directory) === this.#identity) return true;
    this.close();
    if (this.create) mkdirSync(this.directory, { recursive: true });
    this.#identity = identityOf(this.directory);
    if (this.#identity === MISSING) return false;
    this.#watcher = watch(this.directory, { persistent: false }, () => this.onChange());
    this.#watcher.on("error", () => this.onChange());
    return true;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
