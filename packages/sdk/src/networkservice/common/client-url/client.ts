// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { clientUrl } from "./context.js";

/**
 * Sets the address of the next hop for Request and Close; transparent without one. Place before `dial`.
 * State: none. Upstream: `clienturl.NewClient`.
 */
export function clientUrlClient(url: URL | undefined): NetworkServiceElement {
  if (url === undefined) return { name: "client-url-client" };
  return {
    name: "client-url-client",
    request: (ctx, request, next) => next.request(ctx.with(clientUrl, url), request),
    close: (ctx, connection, next) => next.close(ctx.with(clientUrl, url), connection),
  };
}
