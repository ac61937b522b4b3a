// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { clientUrl } from "./context.js";

/**
 * Sets the address of the next hop for Request and Close, overwriting one set before, also with undefined.
 * Place before `connect`. State: none. Upstream: `clienturl.NewServer`.
 */
export function clientUrlServer(url: URL | undefined): NetworkServiceElement {
  return {
    name: "client-url-server",
    request: (ctx, request, next) => next.request(ctx.with(clientUrl, url), request),
    close: (ctx, connection, next) => next.close(ctx.with(clientUrl, url), connection),
  };
}
