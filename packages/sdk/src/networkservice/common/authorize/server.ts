// SPDX-License-Identifier: Apache-2.0
import { previousSegment } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  type IncomingCall,
  incomingCall,
  internalEvent,
  type NetworkServiceElement,
  type Policy,
  StatusError,
} from "@nsm/core";
import { checkCall, type Proxies } from "../../../utils/authorization/index.js";
import { refuseStranger } from "./admit.js";
import { ConnectionHolders } from "./holders.js";
import { pathInput } from "./input.js";

/** What {@link authorizeServer} takes beside the policy. */
export interface AuthorizeServerOptions {
  /** Told who holds which connection; share it with `monitorAuthorize`. Default: an own one. */
  readonly holders?: ConnectionHolders;
  /** Who may bring paths that others started (index above 1). Default: anybody. */
  readonly proxies?: Proxies;
  /** Connections that one peer may hold at the same time. Default 10 000. */
  readonly maxPerPeer?: number;
}

/** A manager holds all connections of its node at the forwarder; nodes are made for 2000. */
const MAX_PER_PEER = 10_000;

/**
 * Lets a Request or Close go on only when the policy agrees to the path from its start up to this server. Calls
 * within the process and events that begin fires itself are not checked: a late Close of a dead client never fails
 * on its expired token. Place after `update-token`, before `metadata`. State: the holder of each connection, from
 * its Request until its Close. Upstream: `authorize.NewServer`.
 *
 * Deviations: a path without a hop before this one is refused (upstream crashes); a failed Request takes back
 * only what it added itself (upstream forgets all connections of that peer); a denied Close changes nothing; a peer
 * may hold only so many connections; nobody but the client that made a connection may change or close it (upstream:
 * everybody who knows its ids, which monitors show).
 * @throws INVALID_ARGUMENT PATH_INDEX; PERMISSION_DENIED or INTERNAL, text ending with the policy's; PERMISSION_DENIED
 * NOT_HOLDER; RESOURCE_EXHAUSTED TOO_MANY_CONNECTIONS
 */
export function authorizeServer(
  policy: Policy,
  { holders = new ConnectionHolders(), proxies, maxPerPeer = MAX_PER_PEER }: AuthorizeServerOptions = {},
): NetworkServiceElement {
  const check = async (ctx: Context, call: IncomingCall, { id, path }: Connection): Promise<void> => {
    if (previousSegment(path) === undefined || path.index >= path.pathSegments.length) {
      throw new StatusError(
        Code.INVALID_ARGUMENT,
        `a path of ${path.pathSegments.length} segments with index ${path.index} has no hop before this one`,
        { reason: "PATH_INDEX" },
      );
    }
    if (ctx.get(internalEvent) === true) return;
    const input = pathInput(path.index, path.pathSegments.slice(0, path.index + 1));
    const options = { area: "networkservice", policy, proxies, peer: call.peer, at: "before" } as const;
    await checkCall(ctx, options, input);
    refuseStranger(ctx, call, holders, { id, hops: path.index });
  };
  return {
    name: "authorize-server",
    async request(ctx, request, next) {
      const call = ctx.get(incomingCall);
      if (call === undefined) return next.request(ctx, request);
      const { connection } = request;
      await check(ctx, call, connection);
      const { id } = connection;
      const previous = previousSegment(connection.path);
      const holder =
        call.peer === undefined || previous === undefined
          ? undefined
          : { spiffeId: call.peer.spiffeId, connectionId: previous.id, hops: connection.path.index };
      if (holder !== undefined && holders.holderOf(id) !== holder.spiffeId) {
        refuseTooMany(holders, holder.spiffeId, maxPerPeer);
      }
      const former = holders.set(id, holder);
      try {
        return await next.request(ctx, request);
      } catch (error) {
        holders.set(id, former);
        throw error;
      }
    },
    async close(ctx, connection, next) {
      const call = ctx.get(incomingCall);
      if (call !== undefined) await check(ctx, call, connection);
      holders.set(connection.id, undefined);
      await next.close(ctx, connection);
    },
    statistics: () => ({ holders: holders.size }),
  };
}

/** Refreshes are never refused: what a peer holds it may keep. */
function refuseTooMany(holders: ConnectionHolders, spiffeId: string, maxPerPeer: number): void {
  if (holders.countOf(spiffeId) < maxPerPeer) return;
  throw new StatusError(Code.RESOURCE_EXHAUSTED, `${spiffeId} has ${maxPerPeer} connections`, {
    reason: "TOO_MANY_CONNECTIONS",
  });
}
