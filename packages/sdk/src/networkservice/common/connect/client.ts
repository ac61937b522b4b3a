// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Context,
  type NetworkServiceElement,
  type OutgoingCall,
  outgoingCall,
  StatusError,
} from "@nsm/core";

function callOf(ctx: Context): OutgoingCall {
  const call = ctx.get(outgoingCall);
  if (call !== undefined) return call;
  throw new StatusError(Code.FAILED_PRECONDITION, "no grpc.ClientConnInterface provided", {
    reason: "NO_CHANNEL",
  });
}

/**
 * Sends Request and Close to the next hop over the channel in the context. Last element of a client chain: what
 * comes behind is never called. State: none. Upstream: `connect.NewClient`.
 * @throws FAILED_PRECONDITION NO_CHANNEL when neither `dial` nor `client-conn` chose a channel
 */
export function connectClient(): NetworkServiceElement {
  return {
    name: "connect-client",
    request: async (ctx, request) => callOf(ctx).channel.networkService.request(ctx, request),
    close: async (ctx, connection) => callOf(ctx).channel.networkService.close(ctx, connection),
  };
}
