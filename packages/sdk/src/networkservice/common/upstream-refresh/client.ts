// SPDX-License-Identifier: Apache-2.0
import { type Connection, type Context, detached, type NetworkServiceElement } from "@nsm/core";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { eventFactory } from "../begin/context.js";
import { clientChannel } from "../client-conn/context.js";
import { refreshNotifier } from "./context.js";
import { Follower } from "./follower.js";
import type { LocalRefreshNotifier } from "./notifier.js";

/** Options of {@link upstreamRefreshClient}. */
export interface UpstreamRefreshOptions {
  /** Makes connections of one process renew each other. Default: they do not. */
  readonly notifier?: LocalRefreshNotifier;
}

/**
 * Requests a connection anew when the next hop announces it as REFRESH_REQUESTED, once per announcement, then asks
 * all other connections of the notifier to do the same. Another connection's demand is served alike, without being
 * passed on. A renewal that fails is repeated every 200 ms until a Request succeeds.
 *
 * Place after `begin`, `metadata` and `dial` in the application that made the connection. State: one stream per
 * connection, in the metadata, ended with `chainCtx`. Puts `refreshNotifier` into the metadata.
 * Upstream: `upstreamrefresh.NewClient`. Deviations: upstream opens the stream inside the Request, without a deadline,
 * and fails the Request when that fails; here it is opened afterwards within 15 s, and connections that the next hop
 * does not announce just stay as they are. Local demands outlive the stream, never block and are joined. A Request
 * that fails leaves the connection followed.
 */
export function upstreamRefreshClient(
  chainCtx: Context,
  { notifier }: UpstreamRefreshOptions = {},
): NetworkServiceElement {
  const following = metadataKey<Follower>("client", "upstream-refresh.following");
  let count = 0;

  const follow = (ctx: Context, connection: Connection): void => {
    const factory = ctx.get(eventFactory);
    const channel = loadMetadata(ctx, clientChannel);
    if (factory === undefined || chainCtx.signal.aborted) return;
    count += 1;
    const lifetime = detached(ctx, chainCtx.signal);
    storeMetadata(ctx, following, new Follower({ ctx: lifetime, channel, connection, factory, notifier }));
  };
  const end = (follower: Follower | undefined): void => {
    if (follower === undefined) return;
    count -= 1;
    follower.end();
  };

  return {
    name: "upstream-refresh-client",
    async request(ctx, request, next) {
      const former = loadMetadata(ctx, following);
      const wasRefreshing = former?.isRefreshing === true;
      if (!wasRefreshing) end(deleteMetadata(ctx, following));
      if (notifier !== undefined) storeMetadata(ctx, refreshNotifier, notifier);
      let connection: Connection;
      try {
        connection = await next.request(ctx, request);
      } catch (error) {
        if (former !== undefined && !wasRefreshing) follow(ctx, former.connection);
        throw error;
      }
      end(deleteMetadata(ctx, following));
      follow(ctx, connection);
      return connection;
    },
    async close(ctx, connection, next) {
      end(deleteMetadata(ctx, following));
      await next.close(ctx, connection);
    },
    statistics: () => ({ followed: count }),
  };
}
