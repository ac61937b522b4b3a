// SPDX-License-Identifier: Apache-2.0
import { previousSegment, timestampToMs } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  type NetworkServiceElement,
  type NetworkServiceNext,
  postpone,
  remainingMs,
  StatusError,
  statusOf,
} from "@nsm/core";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { ChainTimers } from "../../utils/timers/index.js";
import { type EventFactory, eventFactory } from "../begin/context.js";

const expiryMissing = (): StatusError =>
  new StatusError(Code.FAILED_PRECONDITION, "expiration for the previous path segment cannot be nil", {
    reason: "EXPIRY_MISSING",
  });

/** True for a Close that may not have reached the next hop: it is repeated when the timer fires. */
function mayNotHaveArrived(error: unknown): boolean {
  const { code } = statusOf(error);
  return code === Code.DEADLINE_EXCEEDED || code === Code.CANCELLED;
}

/**
 * Closes connections whose client has left: when the token of the previous path segment expires, less the time
 * that the Request had (so that the Close is over before the token is), the connection is closed from begin on.
 * Every successful Request starts the time anew; a failed refresh leaves it running. A Close that ended by
 * deadline or cancellation is repeated when the time comes.
 * Place after `begin`, `update-token` and `metadata`. State: one timer per connection, ended with `chainCtx`.
 * Upstream: `timeout.NewServer`. Deviation: a new Request that fails here is closed behind.
 * @throws FAILED_PRECONDITION EXPIRY_MISSING when the caller's segment says nothing about its expiry
 */
export function timeoutServer(chainCtx: Context): NetworkServiceElement {
  const timers = new ChainTimers(chainCtx);
  const running = metadataKey<() => void>("server", "timeout.cancel");

  function arm(ctx: Context, factory: EventFactory, delayMs: number, connId: string): () => void {
    const dropped = new AbortController();
    const timer = timers.arm(delayMs, () => {
      chainCtx.log.info({ connId }, "connection expired");
      factory.close({ signal: dropped.signal }).catch((error: unknown) => {
        ctx.log.warn({ err: error, connId }, "closing an expired connection failed");
      });
    });
    return () => {
      timer.cancel();
      dropped.abort();
    };
  }

  async function undo(
    cleanUp: ReturnType<typeof postpone>,
    connection: Connection,
    next: NetworkServiceNext,
  ): Promise<void> {
    const { ctx, cancel } = cleanUp();
    try {
      await next.close(ctx, connection);
    } catch (error) {
      ctx.log.warn({ err: error, connId: connection.id }, "undoing a failed request failed");
    } finally {
      cancel();
    }
  }

  return {
    name: "timeout-server",
    async request(ctx, request, next) {
      const restMs = remainingMs(ctx) ?? 0;
      const cleanUp = postpone(ctx);
      const connection = await next.request(ctx, request);
      const expires = previousSegment(connection.path)?.expires;
      const factory = ctx.get(eventFactory);
      if (expires === undefined || factory === undefined) {
        if (loadMetadata(ctx, running) === undefined) await undo(cleanUp, connection, next);
        throw expiryMissing();
      }
      loadMetadata(ctx, running)?.();
      const delayMs = timestampToMs(expires) - ctx.clock.now() - restMs;
      storeMetadata(ctx, running, arm(chainCtx, factory, Math.max(0, delayMs), connection.id));
      return connection;
    },
    async close(ctx, connection, next) {
      const cancel = deleteMetadata(ctx, running);
      try {
        await next.close(ctx, connection);
      } catch (error) {
        if (!mayNotHaveArrived(error)) cancel?.();
        throw error;
      }
      cancel?.();
    },
    statistics: () => ({ timers: timers.size }),
  };
}
