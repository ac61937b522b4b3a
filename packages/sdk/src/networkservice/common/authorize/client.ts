// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  type Connection,
  type Context,
  internalEvent,
  type NetworkServiceElement,
  outgoingCall,
  type PeerIdentity,
  type Policy,
  postpone,
} from "@nsm/core";
import { checkCall } from "../../../utils/authorization/index.js";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { pathInput } from "./input.js";

/** A connection that passed once, and the server that answered then. */
interface Passed {
  readonly peer: PeerIdentity | undefined;
}

/**
 * Lets an answer through only when the policy agrees to its whole path and the server's certificate. A new
 * connection that is refused is closed again; a refused refresh leaves it as it is. Place after `dial` and what
 * works on the call, before `connect`. State: in the metadata, the server that answered last.
 * Upstream: `authorize.NewClient`.
 *
 * Deviations: the server is remembered per connection (upstream: one for all); a refused Close is only logged and
 * goes out (upstream keeps it back, so the next hop never learns of it).
 * @throws PERMISSION_DENIED or INTERNAL, text ending with the policy's
 */
export function authorizeClient(policy: Policy): NetworkServiceElement {
  const passed = metadataKey<Passed>("client", "authorize.passed");
  const check = (ctx: Context, { path }: Connection, peer: PeerIdentity | undefined): Promise<void> =>
    checkCall(
      ctx,
      { area: "networkservice", policy, peer, at: "behind" },
      pathInput(path.index, path.pathSegments),
    );
  return {
    name: "authorize-client",
    async request(ctx, request, next) {
      const cleanUp = postpone(ctx);
      const connection = await next.request(ctx, request);
      const peer = ctx.get(outgoingCall)?.peer;
      try {
        await check(ctx, connection, peer);
      } catch (error) {
        if (loadMetadata(ctx, passed) === undefined) {
          const { ctx: closeCtx, cancel } = cleanUp();
          await next
            .close(closeCtx, clone(connection))
            .catch((closeError: unknown) =>
              ctx.log.warn({ err: closeError, connId: connection.id }, "closing a refused connection failed"),
            )
            .finally(() => cancel());
        }
        throw error;
      }
      storeMetadata(ctx, passed, { peer });
      return connection;
    },
    async close(ctx, connection, next) {
      const known = deleteMetadata(ctx, passed);
      if (known !== undefined && ctx.get(internalEvent) === undefined) {
        await check(ctx, connection, known.peer).catch((error: unknown) =>
          ctx.log.warn({ err: error, connId: connection.id }, "closing a connection that is not authorized"),
        );
      }
      await next.close(ctx, connection);
    },
  };
}
