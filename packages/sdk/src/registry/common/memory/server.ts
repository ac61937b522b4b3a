// SPDX-License-Identifier: Apache-2.0
import type { RegistryElement, RegistryItem, RegistryResponse, RegistryStore, StoreEvent } from "@nsm/core";

/**
 * Keeps registrations in a store and answers Find from it. Register asks next first and stores its answer under
 * the answer's name, replacing silently; Unregister removes (an absent name is no error), then asks next. Find
 * yields the store's hits, then next's. A watch yields what is there, then changes until the context ends;
 * delivery is at least once. Upstream: `memory`; every durable store serves here too.
 */
export function memoryServer<T extends RegistryItem>(store: RegistryStore<T>): RegistryElement<T> {
  return {
    name: "memory-server",
    async register(ctx, item, next) {
      const registered = await next.register(ctx, item);
      await store.upsert(registered, ctx.signal);
      return registered;
    },
    async *find(ctx, query, next) {
      if (query.watch) {
        for await (const event of store.watch(query.item, ctx.signal)) yield responseOf(event);
        if (ctx.signal.aborted) return;
      } else {
        for (const item of await store.find(query.item, ctx.signal)) yield { item, deleted: false };
      }
      yield* next.find(ctx, query);
    },
    async unregister(ctx, item, next) {
      try {
        await store.remove(item.name, ctx.signal);
      } finally {
        await next.unregister(ctx, item);
      }
    },
    statistics: () => store.statistics(),
  };
}

function responseOf<T>({ type, item }: StoreEvent<T>): RegistryResponse<T> {
  return { item, deleted: type === "delete" };
}
