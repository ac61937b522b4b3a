// SPDX-License-Identifier: Apache-2.0
import { canPassDescriptors, type NetworkServiceElement } from "@nsm/core";
import { withCallDescriptors } from "./context.js";
import { receiveFor } from "./receive.js";

/**
 * Receives the descriptor that the next hop announces in the returned mechanism, so that elements before this one
 * find a `file:` URL. It is closed with the call's other descriptors by `recvfd-server`; in a client of its own,
 * when this element's caller has the result (the URL then is not usable any more). Transparent over TCP.
 * Place between what uses `inodeURL` and `sendfd-client`, behind `dial`. State: none between calls.
 * Upstream: `mechanisms/recvfd.NewClient`. Deviation: upstream keeps descriptors until the Close.
 * @throws FAILED_PRECONDITION DESCRIPTOR_NOT_RECEIVED; INVALID_ARGUMENT NSM_INODE_URL. The connection at the next
 * hop then stays, and ends with its token, unless the caller repeats the request
 */
export function recvfdClient(): NetworkServiceElement {
  return {
    name: "recvfd-client",
    request: (ctx, request, next) =>
      withCallDescriptors(ctx, async (callCtx, descriptors) => {
        const connection = await next.request(callCtx, request);
        if (canPassDescriptors(ctx, "next")) {
          await receiveFor(ctx, "next", [connection.mechanism], descriptors);
        }
        return connection;
      }),
  };
}
