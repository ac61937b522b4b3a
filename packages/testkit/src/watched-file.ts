// SPDX-License-Identifier: Apache-2.0
import type { WatchedFile } from "@nsm/core";

/** A watched file whose content tests set. */
export interface MemoryWatchedFile<T> extends WatchedFile<T> {
  /** Changes the content and tells the watchers; undefined = the file is gone. */
  set(value: T | undefined): void;
  /** Watchers that have not left. */
  readonly watchers: number;
}

/** @param value what the file holds at first; default: there is no file */
export function memoryWatchedFile<T>(value?: T): MemoryWatchedFile<T> {
  let content = value;
  const callbacks = new Set<{ readonly call: (value: T | undefined) => void }>();
  return {
    current: () => content,
    onChange(call) {
      const watcher = { call };
      callbacks.add(watcher);
      return { [Symbol.dispose]: () => void callbacks.delete(watcher) };
    },
    set(next) {
      content = next;
      for (const { call } of [...callbacks]) call(next);
    },
    get watchers() {
      return callbacks.size;
    },
  };
}
