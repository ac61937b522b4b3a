// SPDX-License-Identifier: Apache-2.0
import type { Context, RegistryElement, RegistryItem } from "@nsm/core";
import { clientUrl } from "./context.js";

/** Both forms of client-url; see `clientUrlClient`. */
export function clientUrlElement<T extends RegistryItem>(
  name: "client-url-server" | "client-url-client",
  url: URL | undefined,
): RegistryElement<T> {
  if (url === undefined) return { name };
  const withUrl = (ctx: Context): Context => ctx.with(clientUrl, url);
  return {
    name,
    register: (ctx, item, next) => next.register(withUrl(ctx), item),
    find: (ctx, query, next) => next.find(withUrl(ctx), query),
    unregister: (ctx, item, next) => next.unregister(withUrl(ctx), item),
  };
}
