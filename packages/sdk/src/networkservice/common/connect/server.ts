// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import { type NetworkServiceElement, postpone, start } from "@nsm/core";
import { loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { runAll } from "../../utils/run-all.js";

/**
 * Sends a Request on through a client chain, then hands its result to the rest of the server. Close goes to both
 * sides, whatever either answers. Place after everything that chooses the next hop. State: in the metadata, whether
 * the connection was set up. Upstream: `connect.NewServer`. Deviation: when the rest of the server fails on a
 * refresh, the next hop stays connected (only a failed new Request is undone).
 * @param client chain that ends with `connect-client`
 */
export function connectServer(client: NetworkServiceElement): NetworkServiceElement {
  const nextHop = start(client);
  const connected = metadataKey<true>("server", "connect.connected");
  return {
    name: "connect-server",
    children: [client],
    async request(ctx, request, next) {
      const cleanUp = postpone(ctx);
      const result = await nextHop.request(ctx, clone(request));
      const known = clone(result);
      request.connection = result;
      try {
        const connection = await next.request(ctx, request);
        storeMetadata(ctx, connected, true);
        return connection;
      } catch (error) {
        if (loadMetadata(ctx, connected) === undefined) {
          const { ctx: closeCtx, cancel } = cleanUp();
          try {
            await nextHop.close(closeCtx, known);
          } catch (closeError) {
            ctx.log.warn({ err: closeError, connId: known.id }, "undoing a failed request failed");
          } finally {
            cancel();
          }
        }
        throw error;
      }
    },
    close: (ctx, connection, next) =>
      runAll(
        () => nextHop.close(ctx, clone(connection)),
        () => next.close(ctx, connection),
      ),
  };
}
