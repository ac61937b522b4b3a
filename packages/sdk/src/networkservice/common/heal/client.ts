// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Connection,
  type Context,
  detached,
  internalEvent,
  type Liveness,
  type NetworkServiceElement,
  StatusError,
} from "@nsm/core";
import { loadMetadata } from "../../utils/metadata/index.js";
import { eventFactory } from "../begin/context.js";
import { clientChannel } from "../client-conn/context.js";
import { HealBackoff } from "./backoff.js";
import { BEING_REPAIRED } from "./context.js";
import type { LivenessCheck } from "./data-plane.js";
import { Guard } from "./guard.js";

/** Options of {@link healClient}. */
export interface HealOptions {
  /** Checks the data path. Default: only the control plane is watched. */
  readonly liveness?: Liveness;
  /** Pause between two checks, milliseconds. Default 200. */
  readonly livenessIntervalMs?: number;
  /** Time of one check, milliseconds. Default 100. */
  readonly livenessTimeoutMs?: number;
  /** Spreads pauses: from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

const beingRepaired = (): StatusError =>
  new StatusError(Code.UNAVAILABLE, "the connection is being repaired", { reason: BEING_REPAIRED });

/**
 * Repairs connections. From each successful Request on it follows the connection at the next hop and, with a
 * liveness check, its data path. When the next hop is gone or says that the connection is DOWN or deleted, the
 * control plane is lost; when the check fails, the data plane. Then the connection is requested anew until that
 * succeeds. With a check the endpoint is kept while the data path is alive, which is asked before every attempt and
 * during pauses, then with at most 250 ms; otherwise, and once it is dead, the old way is closed and any endpoint may
 * answer. Between attempts there are pauses of 50 ms doubling to 200 ms while the next hop cannot be reached, or has
 * just come back and knows no forwarder yet, to 1 s while it answers with an error, to 2 s while the registry does not
 * know the endpoint to be kept, shortened at random by up to half and by what the attempt took.
 * A next hop that ends the stream as CANCELLED stops the repair; one that refuses to be watched is only checked by
 * its data path. A Request fired from elsewhere that succeeds ends a repair, as does Close. A Request that fails on an
 * established connection leaves it watched as before. During pauses the refreshes of other elements are refused, so
 * that nobody is asked more often than that.
 *
 * Place after `begin` and `metadata`, before `dial`, in the application that made the connection and never in one
 * that passes on. State: one stream and one timer per connection, ended with `chainCtx`.
 * Upstream: `heal.NewClient`. Deviations: upstream opens the stream inside the Request, without a deadline, and fails
 * the Request when that fails; here it is opened afterwards within 15 s, and a next hop that cannot be reached is
 * repaired like a lost one. Upstream repeats without pause, also after another Request has succeeded, and beside the
 * refreshes.
 * @throws UNAVAILABLE BEING_REPAIRED (events of other elements)
 */
export function healClient(chainCtx: Context, options: HealOptions = {}): NetworkServiceElement {
  const guards = new Map<string, Guard>();
  const { liveness, livenessIntervalMs: intervalMs = 200, livenessTimeoutMs: timeoutMs = 100 } = options;
  const { random = Math.random } = options;
  const check: LivenessCheck | undefined = liveness && {
    liveness,
    intervalMs,
    timeoutMs,
    graceMs: intervalMs,
  };

  const guard = (ctx: Context, connection: Connection, backoff: HealBackoff): void => {
    const channel = loadMetadata(ctx, clientChannel);
    const factory = ctx.get(eventFactory);
    if (channel === undefined || factory === undefined || chainCtx.signal.aborted) return;
    const { id } = connection;
    const fresh = new Guard({
      ctx: detached(ctx, chainCtx.signal),
      channel,
      connection,
      factory,
      check,
      backoff,
      onEnd: (ended) => {
        if (guards.get(id) === ended) guards.delete(id);
      },
    });
    guards.set(id, fresh);
    void fresh.run();
  };

  return {
    name: "heal-client",
    async request(ctx, request, next) {
      const former = guards.get(request.connection.id);
      const wasHealing = former?.isHealing === true;
      if (former?.isPausing === true && ctx.get(internalEvent) === true) throw beingRepaired();
      if (!wasHealing) former?.end();
      let connection: Connection;
      try {
        connection = await next.request(ctx, request);
      } catch (error) {
        if (former !== undefined && !wasHealing) guard(ctx, former.connection, former.backoff);
        throw error;
      }
      former?.end();
      guard(ctx, connection, former?.backoff ?? new HealBackoff(random));
      return connection;
    },
    async close(ctx, connection, next) {
      const current = guards.get(connection.id);
      // a Close that belongs to the reselection of the guard itself must not end it
      if (current?.isRequesting !== true) current?.end();
      await next.close(ctx, connection);
    },
    statistics: () => ({ watched: guards.size }),
  };
}
