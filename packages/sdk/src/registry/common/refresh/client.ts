// SPDX-License-Identifier: Apache-2.0
import { type Timestamp, timestampToMs } from "@nsm/api";
import { type Context, onAbort, type RegistryElement, type RegistryItem, type Timer } from "@nsm/core";
import { eventFactory } from "../begin/context.js";

/** A registration is repeated after this share of its life. */
const REFRESH_SHARE = 2 / 3;

/** An item whose registration may end by itself; network services never do. */
export type Expiring = RegistryItem & { expirationTime?: Timestamp | undefined };

interface Refresh {
  readonly timer: Timer;
  readonly outdated: AbortController;
}

/**
 * Registers an item again after two thirds of the time to its expiration: one timer per requested name, armed
 * by each success, stopped by Unregister. A failed refresh is not rescheduled, `retry` behind this element does
 * that. Place after `begin`. Timers end with the context given. Upstream: `refresh`.
 * @param lifetime the chain's context
 */
export function refreshClient<T extends Expiring>(lifetime: Context): RegistryElement<T> {
  const refreshes = new Map<string, Refresh>();

  const stop = (name: string): void => {
    const refresh = refreshes.get(name);
    refresh?.timer.cancel();
    refresh?.outdated.abort();
    refreshes.delete(name);
  };

  const arm = (ctx: Context, name: string, delayMs: number): void => {
    const factory = ctx.get(eventFactory);
    if (factory === undefined || lifetime.signal.aborted) return;
    const outdated = new AbortController();
    const fire = (): void => {
      factory.register({ cancel: outdated.signal }).catch((error: unknown) => {
        if (!outdated.signal.aborted)
          lifetime.log.warn({ err: error, name }, "registration is not refreshed");
      });
    };
    refreshes.set(name, { timer: lifetime.clock.setTimeout(fire, delayMs, true), outdated });
  };

  onAbort(lifetime.signal, () => {
    for (const name of [...refreshes.keys()]) stop(name);
  });

  return {
    name: "refresh-client",
    async register(ctx, item, next) {
      const { name } = item;
      const registered = await next.register(ctx, item);
      stop(name);
      if (registered.expirationTime !== undefined) {
        arm(ctx, name, REFRESH_SHARE * (timestampToMs(registered.expirationTime) - ctx.clock.now()));
      }
      return registered;
    },
    async unregister(ctx, item, next) {
      stop(item.name);
      await next.unregister(ctx, item);
    },
    statistics: () => ({ timers: refreshes.size }),
  };
}
