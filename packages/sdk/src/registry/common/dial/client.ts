// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  type Channel,
  Code,
  type Connector,
  type Context,
  newOutgoingCall,
  outgoingCall,
  type RegistryElement,
  type RegistryItem,
  StatusError,
  withTimeout,
} from "@nsm/core";
import { registeredThrough } from "../client-conn/context.js";
import { clientUrl } from "../client-url/context.js";

/** How {@link dialClient} dials. */
export interface DialOptions {
  /** Milliseconds for one attempt; 0 = no limit of its own. Default 300. */
  readonly dialTimeoutMs?: number;
}

const DEFAULT_DIAL_TIMEOUT_MS = 300;

/**
 * Connects to the registry named by `clientUrl` and puts the call in the context (`outgoingCall`); without a URL
 * it is transparent. When a name is registered through another registry than before, it is unregistered at the
 * former one first, errors ignored. Unregister goes where the name was registered. Place after `clientConn`.
 * Upstream: `dial`, which dials for each Register; here channels are shared, and both kinds dial for Unregister.
 * @throws UNAVAILABLE when the registry cannot be reached in time
 */
export function dialClient<T extends RegistryItem>(
  connector: Connector,
  { dialTimeoutMs = DEFAULT_DIAL_TIMEOUT_MS }: DialOptions = {},
): RegistryElement<T> {
  const connect = (ctx: Context, url: URL): Promise<Channel> => dial(connector, ctx, url, dialTimeoutMs);
  const over = async <R>(ctx: Context, url: URL, call: (ctx: Context) => Promise<R>): Promise<R> => {
    const channel = await connect(ctx, url);
    try {
      return await call(ctx.with(outgoingCall, newOutgoingCall(channel)));
    } finally {
      channel.close();
    }
  };
  return {
    name: "dial-client",
    async register(ctx, item, next) {
      const url = ctx.get(clientUrl);
      if (url === undefined) return await next.register(ctx, item);
      const place = ctx.get(registeredThrough);
      const former = place?.get();
      if (former !== undefined && former.href !== url.href) {
        const left = clone(item);
        await over(ctx, former, (inner) => next.unregister(inner, left)).catch((error: unknown) => {
          ctx.log.debug(
            { err: error, url: former.href, name: item.name },
            "not unregistered at the former registry",
          );
        });
      }
      const channel = await connect(ctx, url).catch((error: unknown) => {
        place?.forget();
        throw error;
      });
      place?.set(url);
      try {
        return await next.register(ctx.with(outgoingCall, newOutgoingCall(channel)), item);
      } finally {
        channel.close();
      }
    },
    async *find(ctx, query, next) {
      const url = ctx.get(clientUrl);
      if (url === undefined) return yield* next.find(ctx, query);
      const channel = await connect(ctx, url);
      try {
        yield* next.find(ctx.with(outgoingCall, newOutgoingCall(channel)), query);
      } finally {
        channel.close();
      }
    },
    async unregister(ctx, item, next) {
      const place = ctx.get(registeredThrough);
      const url = place?.get() ?? ctx.get(clientUrl);
      if (url === undefined) return await next.unregister(ctx, item);
      try {
        await over(ctx, url, (inner) => next.unregister(inner, item));
      } finally {
        place?.forget();
      }
    },
  };
}

async function dial(connector: Connector, ctx: Context, url: URL, timeoutMs: number): Promise<Channel> {
  if (timeoutMs === 0) return await connector.connect(url, { scope: "pooled", signal: ctx.signal });
  const attempt = withTimeout(ctx, timeoutMs);
  try {
    return await connector.connect(url, { scope: "pooled", signal: attempt.ctx.signal });
  } catch (error) {
    if (!attempt.ctx.signal.aborted || ctx.signal.aborted) throw error;
    throw new StatusError(
      Code.UNAVAILABLE,
      `failed to dial ${url.href}: no connection after ${timeoutMs} ms`,
      {
        reason: "DIAL_TIMEOUT",
        cause: error,
      },
    );
  } finally {
    attempt.cancel();
  }
}
