// SPDX-License-Identifier: Apache-2.0
import type { Context, RegistryElement, RegistryItem } from "@nsm/core";
import { registeredThrough } from "./context.js";

/**
 * Keeps per name the registry it was registered through, for `dial`. Find leaves nothing behind. Upstream:
 * `clientconn`, which keeps the connection itself; here connections are shared and come from the connector.
 */
export function clientConnClient<T extends RegistryItem>(): RegistryElement<T> {
  const urls = new Map<string, URL>();
  const withPlace = (ctx: Context, name: string): Context =>
    ctx.with(registeredThrough, {
      get: () => urls.get(name),
      set: (url) => void urls.set(name, url),
      forget: () => void urls.delete(name),
    });
  return {
    name: "client-conn-client",
    register: (ctx, item, next) => next.register(withPlace(ctx, item.name), item),
    unregister: (ctx, item, next) => next.unregister(withPlace(ctx, item.name), item),
    statistics: () => ({ names: urls.size }),
  };
}
