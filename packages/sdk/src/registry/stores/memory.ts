// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  onAbort,
  type RegistryItem,
  type RegistryKind,
  type RegistryStore,
  type StoreEvent,
} from "@nsm/core";
import { Topics } from "../../utils/topics/index.js";
import { Watcher } from "./watcher.js";

/** Topic of watchers that ask for no name. */
const ALL_NAMES = "";

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
  const changes = new Topics<StoreEvent<T>>();
  const announce = (event: StoreEvent<T>): void => {
    changes.announce(event.item.name, event);
    changes.announce(ALL_NAMES, event);
  };

  const present = (query: T): T[] => {
    const named = query.name === "" ? undefined : items.get(query.name);
    const candidates = query.name === "" ? [...items.values()] : named === undefined ? [] : [named];
    return candidates.filter((item) => matches(query, item));
  };

  return {
    async upsert(item) {
      const stored = kind.clone(item);
      items.set(stored.name, stored);
      announce({ type: "upsert", item: stored });
      return kind.clone(stored);
    },
    async remove(name, _signal, precondition) {
      const stored = items.get(name);
      if (stored === undefined || precondition?.(kind.clone(stored)) === false) return;
      items.delete(name);
      announce({ type: "delete", item: stored });
    },
    find: async (query) => present(query).map((item) => kind.clone(item)),
    async *watch(query, signal) {
      if (signal.aborted) return;
      const wanted = kind.clone(query);
      const watcher = new Watcher<T>((item) => matches(wanted, item));
      const following = changes.follow(wanted.name, (event) => watcher.push(event));
      following.add(() => watcher.end());
      following.add(onAbort(signal, () => following.unsubscribe()));
      try {
        for (const item of present(wanted)) watcher.push({ type: "upsert", item });
        for (let event = await watcher.next(); event !== undefined; event = await watcher.next()) {
          yield clone(event);
        }
      } finally {
        following.unsubscribe();
      }
    },
    statistics: () => ({ items: items.size, watchers: changes.subscribers }),
  };
}
