// SPDX-License-Identifier: Apache-2.0
import {
  type Channel,
  type Context,
  type NetworkServiceElement,
  newOutgoingCall,
  outgoingCall,
} from "@nsm/core";
import { deleteMetadata, loadMetadata, storeMetadata } from "../../utils/metadata/index.js";
import { clientChannel } from "./context.js";

/**
 * Uses a channel that its owner made, for every connection; it is never closed here. Transparent without one.
 * Place after `metadata`, before `dial`. State: none beside the metadata. Keeps a channel that is there already.
 * Upstream: `clientconn.NewClient`.
 */
export function clientConnClient(channel: Channel | undefined): NetworkServiceElement {
  const name = "client-conn-client";
  if (channel === undefined) return { name };
  const withCall = (ctx: Context): Context => {
    if (loadMetadata(ctx, clientChannel) === undefined) storeMetadata(ctx, clientChannel, channel);
    const used = loadMetadata(ctx, clientChannel) ?? channel;
    return ctx.with(outgoingCall, newOutgoingCall(used));
  };
  return {
    name,
    request: (ctx, request, next) => next.request(withCall(ctx), request),
    async close(ctx, connection, next) {
      try {
        await next.close(withCall(ctx), connection);
      } finally {
        if (loadMetadata(ctx, clientChannel) === channel) deleteMetadata(ctx, clientChannel);
      }
    },
  };
}
