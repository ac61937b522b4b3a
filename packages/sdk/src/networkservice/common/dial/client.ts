// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  type CancellableContext,
  type Channel,
  type Connection,
  type Connector,
  type Context,
  type NetworkServiceElement,
  type NetworkServiceNext,
  newOutgoingCall,
  outgoingCall,
  postpone,
  remainingMs,
  withCancel,
  withTimeout,
} from "@nsm/core";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { clientChannel } from "../client-conn/context.js";
import { clientUrl } from "../client-url/context.js";
import { connectInTime } from "./connect.js";

/** Options of {@link dialClient}. */
export interface DialOptions {
  /** Longest time one connection attempt takes, milliseconds. Default 0: bounded by the call alone. */
  readonly dialTimeoutMs?: number;
}

/** What dial knows of a connection. */
interface Dialed {
  readonly url: URL;
  readonly channel: Channel;
}

function towards(ctx: Context, { url, channel }: Dialed): Context {
  return ctx.with(clientUrl, url).with(outgoingCall, newOutgoingCall(channel));
}

/** Context for leaving the former next hop: detached, and at most half of what the request has left. */
function leavingContext(ctx: Context): CancellableContext {
  const restMs = remainingMs(ctx);
  const postponed = postpone(ctx)();
  const bounded = restMs === undefined ? withCancel(postponed.ctx) : withTimeout(postponed.ctx, restMs / 2);
  return {
    ctx: bounded.ctx,
    cancel: () => {
      bounded.cancel();
      postponed.cancel();
    },
  };
}

/**
 * Connects to the address in the context (`clientUrl`) and puts an `outgoingCall` over that channel into the
 * context of what follows, on every Request and Close. When the address of a connection changes, the connection
 * is first closed at the old one. Transparent without an address, and where `client-conn` gave a channel.
 * Place after `metadata`, before everything that works on the outgoing call. State: address and channel per
 * connection, in the metadata, from the first successful Request to the Close.
 *
 * Upstream: `dial.NewClient`. Deviations: upstream dials anew for every call; here the connector decides, and its
 * pool hands a healthy channel to the same address out again. An old address that cannot be reached any more is
 * logged and does not fail the request; leaving it takes at most half of the request's time. A call that has
 * already ended changes nothing.
 * @throws UNAVAILABLE when the next hop cannot be reached
 */
export function dialClient(
  connector: Connector,
  { dialTimeoutMs = 0 }: DialOptions = {},
): NetworkServiceElement {
  const dialed = metadataKey<Dialed>("client", "dial");
  const connect = async (ctx: Context, url: URL): Promise<Dialed> => ({
    url,
    channel: await connectInTime(ctx, connector, url, dialTimeoutMs),
  });
  const isForeign = (ctx: Context): boolean => {
    const present = loadMetadata(ctx, clientChannel);
    return present !== undefined && present !== loadMetadata(ctx, dialed)?.channel;
  };
  const keep = (ctx: Context, now: Dialed): void => {
    loadMetadata(ctx, dialed)?.channel.close();
    storeMetadata(ctx, dialed, now);
    storeMetadata(ctx, clientChannel, now.channel);
  };
  const drop = (ctx: Context): void => {
    deleteMetadata(ctx, dialed)?.channel.close();
    deleteMetadata(ctx, clientChannel);
  };

  async function leave(
    ctx: Context,
    url: URL,
    connection: Connection,
    next: NetworkServiceNext,
  ): Promise<void> {
    const leaving = leavingContext(ctx);
    try {
      const old = await connect(leaving.ctx, url);
      keep(ctx, old);
      await next.close(towards(leaving.ctx, old), clone(connection));
    } catch (error) {
      ctx.log.warn(
        { err: error, connId: connection.id, url: url.href },
        "closing at the former next hop failed",
      );
    } finally {
      leaving.cancel();
    }
  }

  return {
    name: "dial-client",
    async request(ctx, request, next) {
      const url = ctx.get(clientUrl);
      if (url === undefined || isForeign(ctx)) return next.request(ctx, request);
      ctx.signal.throwIfAborted();
      const former = loadMetadata(ctx, dialed);
      if (former !== undefined && former.url.href !== url.href) {
        await leave(ctx, former.url, request.connection, next);
        drop(ctx);
      }
      const isNew = loadMetadata(ctx, dialed) === undefined;
      const now = await connect(ctx, url);
      keep(ctx, now);
      try {
        return await next.request(towards(ctx, now), request);
      } catch (error) {
        if (isNew) drop(ctx);
        throw error;
      }
    },
    async close(ctx, connection, next) {
      const url = ctx.get(clientUrl) ?? loadMetadata(ctx, dialed)?.url;
      if (url === undefined || isForeign(ctx)) return next.close(ctx, connection);
      let dialError: unknown;
      try {
        keep(ctx, await connect(ctx, url));
      } catch (error) {
        dialError = error;
        ctx.log.warn({ err: error, connId: connection.id, url: url.href }, "dialling for Close failed");
      }
      try {
        const now = loadMetadata(ctx, dialed);
        const usable = dialError === undefined && now !== undefined;
        await next.close(usable ? towards(ctx, now) : ctx.with(clientUrl, url), connection);
      } catch (error) {
        throw dialError ?? error;
      } finally {
        drop(ctx);
      }
    },
  };
}
