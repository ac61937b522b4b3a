// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, timestampFromMs, timestampToMs } from "@nsm/api";
import {
  Code,
  type Context,
  incomingCall,
  onAbort,
  type RegistryElement,
  remainingMs,
  statusOf,
  type Timer,
} from "@nsm/core";
import { tokenExpiryMs } from "../../../utils/authorization/index.js";
import { eventFactory } from "../begin/context.js";
import { ownTokenExpiresMs } from "../update-path/context.js";

interface Expiry {
  readonly timer: Timer;
  /** Aborted once the endpoint registered again or left. */
  readonly outdated: AbortController;
}

/**
 * The time kept free before an expiration is at most this share of the registration's life: clients refresh after
 * two thirds of it, and a long deadline must not end the registration before that.
 */
const LONGEST_LEAD_SHARE = 1 / 4;

/** How {@link expireServer} bounds registrations. */
export interface ExpireOptions {
  /** Longest life of a registration, milliseconds; 0 = bounded by tokens only. */
  readonly defaultExpirationMs: number;
}

/**
 * Ends registrations that are not refreshed. The expiration is the earliest of what the endpoint and next's
 * answer say, the ends of the tokens of this hop and of the caller, and the default. The Unregister fires as long
 * before it as the Register call had time left (its deadline), so that the tokens in the stored path are still
 * valid then. A failed refresh leaves the timer as it was; one that fails because next cannot be reached starts it
 * anew, since the endpoint lives: while the registry is away its node still knows it. Place after `updatePath` and `begin`. Timers end with
 * the context given. Upstream: `expire`.
 *
 * Deviations: upstream forgets endpoints while the registry is away; that lead is at most a quarter of the registration's life (upstream: no limit); without any
 * expiration there is no timer (upstream's fires at once); the end that the caller's header states is believed
 * only as far as token and certificate agree.
 * @param lifetime the chain's context
 */
export function expireServer(
  lifetime: Context,
  { defaultExpirationMs }: ExpireOptions,
): RegistryElement<NetworkServiceEndpoint> {
  const expiries = new Map<string, Expiry>();

  const stop = (name: string): void => {
    const expiry = expiries.get(name);
    expiry?.timer.cancel();
    expiry?.outdated.abort();
    expiries.delete(name);
  };

  const arm = (ctx: Context, name: string, delayMs: number): void => {
    stop(name);
    const factory = ctx.get(eventFactory);
    if (factory === undefined || lifetime.signal.aborted) return;
    const outdated = new AbortController();
    const fire = (): void => {
      factory.unregister({ cancel: outdated.signal, extend: ctx }).catch((error: unknown) => {
        ctx.log.warn({ err: error, name }, "expired endpoint is not unregistered at the next hop");
      });
    };
    expiries.set(name, { timer: lifetime.clock.setTimeout(fire, delayMs, true), outdated });
  };

  onAbort(lifetime.signal, () => {
    for (const name of [...expiries.keys()]) stop(name);
  });

  return {
    name: "expire-server",
    async register(ctx, item, next) {
      const { name } = item;
      const restMs = Math.max(0, remainingMs(ctx) ?? 0);
      const limitMs = expirationLimitMs(ctx, defaultExpirationMs);
      const expirationTime = item.expirationTime;
      if (
        limitMs !== undefined &&
        (expirationTime === undefined || limitMs < timestampToMs(expirationTime))
      ) {
        item.expirationTime = timestampFromMs(limitMs);
      }
      const wantedMs = item.expirationTime === undefined ? undefined : timestampToMs(item.expirationTime);
      const armUntil = (endMs: number): void => {
        const lifeMs = endMs - ctx.clock.now();
        arm(ctx, name, lifeMs - Math.min(restMs, LONGEST_LEAD_SHARE * lifeMs));
      };
      let registered: NetworkServiceEndpoint;
      try {
        registered = await next.register(ctx, item);
      } catch (error) {
        if (wantedMs !== undefined && expiries.has(name) && isUnreachable(error)) armUntil(wantedMs);
        throw error;
      }
      const answered = registered.expirationTime;
      const answeredMs = answered === undefined ? undefined : timestampToMs(answered);
      const endMs = earliest(wantedMs, answeredMs);
      if (endMs === undefined) stop(name);
      else armUntil(endMs);
      return registered;
    },
    async unregister(ctx, item, next) {
      stop(item.name);
      await next.unregister(ctx, item);
    },
    statistics: () => ({ timers: expiries.size }),
  };
}

/** Nobody was asked: no answer of next, and none that says something about the endpoint. */
const isUnreachable = (error: unknown): boolean =>
  [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED].includes(statusOf(error).code);

function expirationLimitMs(ctx: Context, defaultExpirationMs: number): number | undefined {
  const nowMs = ctx.clock.now();
  const defaultMs = defaultExpirationMs === 0 ? undefined : nowMs + defaultExpirationMs;
  return earliest(ctx.get(ownTokenExpiresMs), tokenExpiryMs(ctx.get(incomingCall), nowMs), defaultMs);
}

function earliest(...timesMs: (number | undefined)[]): number | undefined {
  const present = timesMs.filter((timeMs) => timeMs !== undefined);
  return present.length === 0 ? undefined : Math.min(...present);
}
