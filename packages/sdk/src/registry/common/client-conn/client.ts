// SPDX-License-Identifier: Apache-2.0
import type { Context, RegistryElement, RegistryItem } from "@nsm/core";
import { registeredThrough, registrationScope } from "./context.js";

/**
 * Keeps per name the registry it was registered through, for `dial`. Find leaves nothing behind. Upstream:
 * `clientconn`, which keeps the connection itself (here connections are shared and come from the connector) and mixes
 * up equal names of different domains.
 */
export function clientConnClient<T extends RegistryItem>(): RegistryElement<T> {
  const urls = new Map<string, URL>();
  const withPlace = (ctx: Context, name: string): Context => {
    const key = JSON.stringify([ctx.get(registrationScope), name]);
    return ctx.with(registeredThrough, {
      get: () => urls.get(key),
      set: (url) => void urls.set(key, url),
      forget: () => void urls.delete(key),
    });
  };
  return {
    name: "client-conn-client",
    register: (ctx, item, next) => next.register(withPlace(ctx, item.name), item),
    unregister: (ctx, item, next) => next.unregister(withPlace(ctx, item.name), item),
    statistics: () => ({ names: urls.size }),
  };
}
