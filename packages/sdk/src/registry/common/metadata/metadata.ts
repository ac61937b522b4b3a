// SPDX-License-Identifier: Apache-2.0
import type { RegistryElement, RegistryItem } from "@nsm/core";
import { RegistryMetadata, registryMetadata } from "./context.js";

/** Both forms of metadata; see `metadataServer`. */
export function metadataElement<T extends RegistryItem>(
  name: "metadata-server" | "metadata-client",
): RegistryElement<T> {
  const byName = new Map<string, RegistryMetadata>();
  return {
    name,
    async register(ctx, item, next) {
      if (ctx.get(registryMetadata) !== undefined) return await next.register(ctx, item);
      const { name: key } = item;
      const known = byName.get(key);
      const values = known ?? new RegistryMetadata();
      byName.set(key, values);
      try {
        return await next.register(ctx.with(registryMetadata, values), item);
      } catch (error) {
        if (known === undefined && byName.get(key) === values) byName.delete(key);
        throw error;
      }
    },
    find(ctx, query, next) {
      const values = ctx.get(registryMetadata) === undefined ? byName.get(query.item.name) : undefined;
      return next.find(values === undefined ? ctx : ctx.with(registryMetadata, values), query);
    },
    async unregister(ctx, item, next) {
      if (ctx.get(registryMetadata) !== undefined) return await next.unregister(ctx, item);
      const values = byName.get(item.name) ?? new RegistryMetadata();
      byName.delete(item.name);
      await next.unregister(ctx.with(registryMetadata, values), item);
    },
    statistics: () => ({ names: byName.size }),
  };
}
