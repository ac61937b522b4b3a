// SPDX-License-Identifier: Apache-2.0

/** The parsed content of a file that may change, appear and vanish while it is watched. */
export interface WatchedFile<T> {
  /** Undefined while the file is absent; a broken file keeps the last good value. */
  current(): T | undefined;
  /** Calls back after each change of the value; never during the registration itself. */
  onChange(callback: (value: T | undefined) => void): Disposable;
}
