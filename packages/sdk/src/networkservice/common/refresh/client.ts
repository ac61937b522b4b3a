// SPDX-License-Identifier: Apache-2.0
import { type Context, type NetworkServiceElement, statusOf } from "@nsm/core";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { ChainTimers } from "../../utils/timers/index.js";
import { type EventFactory, eventFactory } from "../begin/context.js";
import { BEING_REPAIRED } from "../heal/context.js";
import { refreshDelayMs } from "./delay.js";

/** Pause between attempts, and before the first one when a token has already expired, milliseconds. */
const RETRY_INTERVAL_MS = 200;

/**
 * Repeats the last Request well before the first token of the path expires (see `refreshDelayMs`), every 200 ms
 * until it succeeds. Every successful Request starts the time anew, Close ends it.
 * Place after `begin` and `metadata` of the application that made the connection. State: one timer per connection,
 * ended with `chainCtx`. Upstream: `refresh.NewClient`. Deviations: a token that is expired on arrival is
 * refreshed after 200 ms instead of at once; without any expiry nothing is refreshed.
 */
export function refreshClient(chainCtx: Context): NetworkServiceElement {
  const timers = new ChainTimers(chainCtx);
  const running = metadataKey<() => void>("client", "refresh.cancel");

  function arm(factory: EventFactory, firstDelayMs: number, connId: string): () => void {
    const stopped = new AbortController();
    let timer = timers.arm(firstDelayMs, refresh);
    function refresh(): void {
      factory.request({ signal: stopped.signal }).catch((error: unknown) => {
        if (stopped.signal.aborted) return;
        const level = statusOf(error).reason === BEING_REPAIRED ? "debug" : "warn";
        chainCtx.log[level]({ err: error, connId }, "refresh failed");
        timer = timers.arm(RETRY_INTERVAL_MS, refresh);
      });
    }
    return () => {
      stopped.abort();
      timer.cancel();
    };
  }

  return {
    name: "refresh-client",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      loadMetadata(ctx, running)?.();
      deleteMetadata(ctx, running);
      const delayMs = refreshDelayMs(connection.path, ctx.clock.now());
      const factory = ctx.get(eventFactory);
      if (delayMs !== undefined && factory !== undefined) {
        const firstDelayMs = delayMs > 0 ? delayMs : RETRY_INTERVAL_MS;
        storeMetadata(ctx, running, arm(factory, firstDelayMs, connection.id));
      }
      return connection;
    },
    async close(ctx, connection, next) {
      deleteMetadata(ctx, running)?.();
      await next.close(ctx, connection);
    },
    statistics: () => ({ timers: timers.size }),
  };
}
