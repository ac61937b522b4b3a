// SPDX-License-Identifier: Apache-2.0
import { currentSegment, previousSegment, timestampFromMs } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  incomingCall,
  type NetworkServiceElement,
  StatusError,
  type TokenSource,
} from "@nsm/core";
import { tokenExpiryMs } from "../../../utils/authorization/index.js";

/**
 * Fills the tokens of two path segments: the caller's with the token its call carried (made by the caller for this
 * server), the own one with a token for the caller. Both on Request and Close, so that peers see fresh expiries.
 * Place after `begin`, before `authorize`. State: none. A call without token leaves the caller's segment as it is.
 * Upstream: `updatetoken.NewServer`. Deviation: the caller's token counts no longer than it says itself, than the
 * caller's certificate lives, and than 24 hours (upstream believes the header).
 * @throws INVALID_ARGUMENT PATH_INDEX when the index lies outside the path; INTERNAL when no token can be made
 */
export function updateTokenServer(tokens: TokenSource): NetworkServiceElement {
  return {
    name: "update-token-server",
    async request(ctx, request, next) {
      await updateTokens(ctx, request.connection, tokens);
      return next.request(ctx, request);
    },
    async close(ctx, connection, next) {
      await updateTokens(ctx, connection, tokens);
      await next.close(ctx, connection);
    },
  };
}

async function updateTokens(ctx: Context, connection: Connection, tokens: TokenSource): Promise<void> {
  const { path } = connection;
  if (path.pathSegments.length === 0) return;
  const own = currentSegment(path);
  if (own === undefined) {
    throw new StatusError(
      Code.INVALID_ARGUMENT,
      `path index ${path.index} is not a segment of a path of ${path.pathSegments.length}`,
      { reason: "PATH_INDEX" },
    );
  }
  const call = ctx.get(incomingCall);
  const previous = previousSegment(path);
  if (previous !== undefined) {
    const expiresMs = tokenExpiryMs(call, ctx.clock.now());
    if (call?.token === undefined || expiresMs === undefined) {
      ctx.log.warn({ connId: connection.id, segment: previous.name }, "the call carries no token");
    } else {
      previous.token = call.token.token;
      previous.expires = timestampFromMs(expiresMs);
    }
  }
  const made = await tokens.token({ peer: call?.peer, own: call?.own });
  own.token = made.token;
  own.expires = timestampFromMs(made.expiresMs);
}
