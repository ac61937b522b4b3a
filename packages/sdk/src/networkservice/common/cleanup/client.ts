// SPDX-License-Identifier: Apache-2.0
import { type Context, type NetworkServiceElement, newOutgoingCall, onAbort, outgoingCall } from "@nsm/core";
import { type EventFactory, eventFactory } from "../begin/context.js";
import { nowhere } from "./nowhere.js";

/** Options of {@link cleanupClient}. */
export interface CleanupOptions {
  /** Whether the next hop is told; else only the own side is cleaned. Default true. */
  readonly tellNextHop?: boolean;
  /** Called once, when the chain has ended and no connection is left. */
  readonly done?: () => void;
}

/**
 * Closes every connection when `chainCtx` ends, also one whose Request was still running then. Place after `begin`
 * and `dial`, before elements that have something to clean. State: the connections by id.
 * Upstream: `cleanup.NewClient`. Deviation: without telling the next hop upstream closes the channel first; here the
 * Close just does not go out.
 */
export function cleanupClient(
  chainCtx: Context,
  { tellNextHop = true, done = () => {} }: CleanupOptions = {},
): NetworkServiceElement {
  const active = new Map<string, EventFactory | undefined>();
  const { signal } = chainCtx;
  let isDone = false;

  const leave = (id?: string): void => {
    if (id !== undefined) active.delete(id);
    if (!signal.aborted || active.size > 0 || isDone) return;
    isDone = true;
    done();
  };
  const closeNow = (id: string, factory: EventFactory): void => {
    factory
      .close()
      .catch((error: unknown) => chainCtx.log.warn({ err: error, connId: id }, "closing at the end failed"))
      .finally(() => {
        if (active.get(id) === factory) leave(id);
      });
  };
  const closeAll = (): void => {
    for (const [id, factory] of active) if (factory !== undefined) closeNow(id, factory);
    leave();
  };
  if (signal.aborted) closeAll();
  else onAbort(signal, closeAll);

  return {
    name: "cleanup-client",
    async request(ctx, request, next) {
      const { id } = request.connection;
      const factory = ctx.get(eventFactory);
      const isNew = !active.has(id);
      if (isNew) active.set(id, undefined); // counts, but is nothing to close yet
      try {
        const connection = await next.request(ctx, request);
        active.set(id, factory);
        if (signal.aborted && factory !== undefined) closeNow(id, factory);
        return connection;
      } catch (error) {
        if (isNew) leave(id);
        throw error;
      }
    },
    async close(ctx, connection, next) {
      const goesOut = tellNextHop || !signal.aborted;
      const used = goesOut ? ctx : ctx.with(outgoingCall, newOutgoingCall(nowhere));
      try {
        await next.close(used, connection);
      } finally {
        leave(connection.id);
      }
    },
    statistics: () => ({ connections: active.size }),
  };
}
