// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  onAbort,
  type RegistryItem,
  type RegistryKind,
  type RegistryStore,
  type StoreEvent,
} from "@nsm/core";
import { Watcher } from "./watcher.js";

/**
 * A registry store in memory. A query that sets a name costs one look-up however many items there are; others
 * scan. Order is that of first insertion. Stored items are never handed out uncopied, and a slow watcher holds
 * nobody up (see {@link Watcher}).
 * @param matches whether a stored item answers a query
 */
export function memoryStore<T extends RegistryItem>(
  kind: RegistryKind<T>,
  matches: (query: T, stored: T) => boolean,
): RegistryStore<T> {
  const items = new Map<string, T>();
  const watchers = new WatcherIndex<T>();

  const present = (query: T): T[] => {
    const named = query.name === "" ? undefined : items.get(query.name);
    const candidates = query.name === "" ? [...items.values()] : named === undefined ? [] : [named];
    return candidates.filter((item) => matches(query, item));
  };

  return {
    async upsert(item) {
      const stored = kind.clone(item);
      items.set(stored.name, stored);
      watchers.announce({ type: "upsert", item: stored });
      return kind.clone(stored);
    },
    async remove(name, _signal, precondition) {
      const stored = items.get(name);
      if (stored === undefined || precondition?.(kind.clone(stored)) === false) return;
      items.delete(name);
      watchers.announce({ type: "delete", item: stored });
    },
    find: async (query) => present(query).map((item) => kind.clone(item)),
    async *watch(query, signal) {
      if (signal.aborted) return;
      const wanted = kind.clone(query);
      const watcher = new Watcher<T>((item) => matches(wanted, item));
      const leave = watchers.add(wanted.name, watcher);
      const end = (): void => {
        leave();
        watcher.end();
      };
      const unfollow = onAbort(signal, end);
      try {
        for (const item of present(wanted)) watcher.push({ type: "upsert", item });
        for (let event = await watcher.next(); event !== undefined; event = await watcher.next()) {
          yield clone(event);
        }
      } finally {
        unfollow();
        end();
      }
    },
    statistics: () => ({ items: items.size, watchers: watchers.size }),
  };
}

/** Watchers by the name they ask for, so that a change costs only those it may concern. */
class WatcherIndex<T extends RegistryItem> {
  readonly #byName = new Map<string, Set<Watcher<T>>>();
  size = 0;

  /** @param name empty for a watcher of all names */
  add(name: string, watcher: Watcher<T>): () => void {
    const group = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, group.add(watcher));
    this.size += 1;
    return () => {
      if (!group.delete(watcher)) return;
      this.size -= 1;
      if (group.size === 0) this.#byName.delete(name);
    };
  }

  announce(event: StoreEvent<T>): void {
    for (const watcher of this.#byName.get(event.item.name) ?? []) watcher.push(event);
    for (const watcher of this.#byName.get("") ?? []) watcher.push(event);
  }
}
