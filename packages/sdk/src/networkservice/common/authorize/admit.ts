// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Connection,
  type Context,
  type IncomingCall,
  incomingCall,
  type NetworkServiceElement,
  StatusError,
} from "@nsm/core";
import type { Proxies } from "../../../utils/authorization/index.js";
import type { ConnectionHolders } from "./holders.js";

/** What {@link admitServer} looks at; the same as `authorizeServer` has. */
export interface AdmitServerOptions {
  readonly holders: ConnectionHolders;
  /** Who may bring paths that others started (index above 1). Default: anybody. */
  readonly proxies?: Proxies;
}

/**
 * Refuses whoever may not touch a connection at all, by identity alone. `begin` closes and forgets connections before
 * `authorize`, which needs the caller's token in the path, has its turn: no stranger may come so far. Place between
 * `update-path` and `begin`. State: none of its own. Upstream: none; there a refused Close makes `begin` forget the
 * connection, and a refused Request that asks for another endpoint has closed it.
 * @throws PERMISSION_DENIED NOT_HOLDER or PROXY_UNKNOWN, in the words of the policies
 */
export function admitServer({ holders, proxies }: AdmitServerOptions): NetworkServiceElement {
  const check = (ctx: Context, { id, path }: Connection): void => {
    const call = ctx.get(incomingCall);
    if (call?.peer === undefined) return;
    if (path.index > 1 && proxies?.(call.peer.spiffeId) === false) throw denied(ctx, call, "PROXY_UNKNOWN");
    refuseStranger(ctx, call, holders, { id, hops: path.index });
  };
  return {
    name: "admit-server",
    async request(ctx, request, next) {
      check(ctx, request.connection);
      return await next.request(ctx, request);
    },
    async close(ctx, connection, next) {
      check(ctx, connection);
      await next.close(ctx, connection);
    },
  };
}

/**
 * Refuses a peer that may not use a connection; see `ConnectionHolders.mayUse`.
 * @throws PERMISSION_DENIED NOT_HOLDER
 */
export function refuseStranger(
  ctx: Context,
  call: IncomingCall,
  holders: ConnectionHolders,
  { id, hops }: { readonly id: string; readonly hops: number },
): void {
  if (call.peer === undefined || holders.mayUse(id, call.peer.spiffeId, hops)) return;
  throw denied(ctx, call, "NOT_HOLDER");
}

function denied(ctx: Context, { peer }: IncomingCall, reason: string): StatusError {
  ctx.log.debug({ peer: peer?.spiffeId, reason }, "not authorized");
  const text =
    "networkservice: an error occurred during authorization policy check: no sufficient privileges";
  return new StatusError(Code.PERMISSION_DENIED, text, { reason });
}
