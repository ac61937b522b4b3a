// SPDX-License-Identifier: Apache-2.0
import { Code, type Context, type NetworkServiceElement, StatusError, type Timer } from "@nsm/core";
import { ChainTimers } from "../../utils/timers/index.js";

/** Options of {@link onIdleServer}. */
export interface OnIdleOptions {
  /** Time without connections after which the endpoint has expired, milliseconds. 0: never. */
  readonly timeoutMs: number;
  /** Called once, when it has expired. */
  readonly notify: () => void;
}

/**
 * Tells when an endpoint had no connection for a while, from its start on. Afterwards Requests fail, except that the
 * end of `chainCtx` disables it all. A failed first Request counts as a connection while it runs.
 * Place after `begin`. State: ids of the connections, one timer. Upstream: `onidle.NewServer`.
 * @throws UNAVAILABLE ENDPOINT_EXPIRED `endpoint expired`
 */
export function onIdleServer(chainCtx: Context, { timeoutMs, notify }: OnIdleOptions): NetworkServiceElement {
  const name = "on-idle-server";
  if (timeoutMs <= 0) return { name };
  const timers = new ChainTimers(chainCtx);
  const active = new Set<string>();
  let expired = false;
  const expire = (): void => {
    expired = true;
    notify();
  };
  let timer: Timer | undefined = timers.arm(timeoutMs, expire);

  const enter = (id: string): void => {
    active.add(id);
    timer?.cancel();
    timer = undefined;
  };
  const leave = (id: string): void => {
    if (!active.delete(id) || active.size > 0 || expired) return;
    timer = timers.arm(timeoutMs, expire);
  };

  return {
    name,
    async request(ctx, request, next) {
      if (expired) {
        throw new StatusError(Code.UNAVAILABLE, "endpoint expired", { reason: "ENDPOINT_EXPIRED" });
      }
      const { id } = request.connection;
      const isNew = !active.has(id);
      enter(id);
      try {
        return await next.request(ctx, request);
      } catch (error) {
        if (isNew) leave(id);
        throw error;
      }
    },
    async close(ctx, connection, next) {
      try {
        await next.close(ctx, connection);
      } finally {
        leave(connection.id);
      }
    },
    statistics: () => ({ connections: active.size }),
  };
}
