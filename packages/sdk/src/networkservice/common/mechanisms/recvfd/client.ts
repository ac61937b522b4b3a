// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import { canPassDescriptors, type NetworkServiceElement, postpone } from "@nsm/core";
import { loadMetadata, metadataKey, storeMetadata } from "../../../utils/metadata/index.js";
import { withCallDescriptors } from "./context.js";
import { fileUrls, receiveFor } from "./receive.js";

/**
 * Receives the descriptor that the next hop announces in the returned mechanism, so that elements before this one
 * find a `file:` URL. It is closed with the call's other descriptors by `recvfd-server`; in a client of its own,
 * when this element's caller has the result (the URL then is not usable any more). Transparent over TCP.
 * A new connection whose descriptor cannot be had is closed at the next hop again; a refresh keeps it.
 * Place between what uses `inodeURL` and `sendfd-client`, behind `dial`. State: in the metadata, whether the
 * connection was set up. Upstream: `mechanisms/recvfd.NewClient`. Deviation: upstream keeps descriptors until the
 * Close.
 * @throws FAILED_PRECONDITION DESCRIPTOR_NOT_RECEIVED; INVALID_ARGUMENT NSM_INODE_URL, FOREIGN_FILE
 */
export function recvfdClient(): NetworkServiceElement {
  const connected = metadataKey<true>("client", "recvfd.connected");
  return {
    name: "recvfd-client",
    request: (ctx, request, next) =>
      withCallDescriptors(ctx, async (callCtx, descriptors) => {
        if (!canPassDescriptors(ctx, "next")) return next.request(callCtx, request);
        const cleanUp = postpone(callCtx);
        const ownUrls = fileUrls([...request.mechanismPreferences, request.connection.mechanism]);
        const connection = await next.request(callCtx, request);
        const known = clone(connection);
        try {
          await receiveFor(ctx, "next", [connection.mechanism], descriptors, ownUrls);
          storeMetadata(ctx, connected, true);
          return connection;
        } catch (error) {
          if (loadMetadata(ctx, connected) === undefined) {
            const { ctx: closeCtx, cancel } = cleanUp();
            try {
              await next.close(closeCtx, known);
            } catch (closeError) {
              ctx.log.warn({ err: closeError, connId: known.id }, "undoing a failed request failed");
            } finally {
              cancel();
            }
          }
          throw error;
        }
      }),
  };
}
