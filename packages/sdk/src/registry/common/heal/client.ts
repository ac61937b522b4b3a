// SPDX-License-Identifier: Apache-2.0
import {
  type CancellableContext,
  type Context,
  detached,
  onAbort,
  type RegistryElement,
  type RegistryItem,
  type RegistryKind,
  type RegistryNext,
  type RegistryQuery,
  type RegistryResponse,
  withCancel,
  withSignal,
} from "@nsm/core";
import { eventFactory, type RegistryEventFactory } from "../begin/context.js";
import { Backoff } from "./backoff.js";

interface Healing {
  /** Ends the watch; a Register event that it fired counts as outdated then. */
  readonly watch: CancellableContext;
  readonly backoff: Backoff;
}

/**
 * Keeps registrations and watches alive while the registry restarts. After a Register it watches the requested
 * name on the rest of the chain; when that stream ends, whatever the reason, it registers again. A Find with watch
 * is opened again whenever it ends: the consumer sees the snapshot once more and no deletions that happened in
 * between. Place after `begin`. Upstream: `heal`.
 *
 * Deviations: pauses of 50 ms doubling to 1 s, or to 200 ms while the next hop cannot be reached, before each repetition
 * (upstream: none); a watch that cannot be
 * opened repeats the Register instead of failing it; a failed repetition is repeated.
 * @param lifetime the chain's context
 */
export function healClient<T extends RegistryItem>(
  kind: RegistryKind<T>,
  lifetime: Context,
): RegistryElement<T> {
  const healings = new Map<string, Healing>();

  const stop = (name: string): void => {
    healings.get(name)?.watch.cancel();
    healings.delete(name);
  };

  const guard = (ctx: Context, name: string, next: RegistryNext<T>, backoff: Backoff): void => {
    const factory = ctx.get(eventFactory);
    if (factory === undefined || lifetime.signal.aborted) return;
    const watch = withCancel(detached(ctx, lifetime.signal));
    healings.set(name, { watch, backoff });
    const query: RegistryQuery<T> = { item: namedItem(kind, name), watch: true };
    void heal(watch.ctx, query, next, factory, backoff);
  };

  onAbort(lifetime.signal, () => {
    for (const name of [...healings.keys()]) stop(name);
  });

  return {
    name: "heal-client",
    async register(ctx, item, next) {
      const { name } = item;
      const registered = await next.register(ctx, item);
      const backoff = healings.get(name)?.backoff ?? new Backoff();
      stop(name);
      guard(ctx, name, next, backoff);
      return registered;
    },
    find: (ctx, query, next) =>
      query.watch ? reopened(kind, lifetime, ctx, query, next) : next.find(ctx, query),
    async unregister(ctx, item, next) {
      stop(item.name);
      await next.unregister(ctx, item);
    },
    statistics: () => ({ watches: healings.size }),
  };
}

/** Waits for the end of the watch, then registers until that succeeds; a success replaces this healing. */
async function heal<T extends RegistryItem>(
  ctx: Context,
  query: RegistryQuery<T>,
  next: RegistryNext<T>,
  factory: RegistryEventFactory,
  backoff: Backoff,
): Promise<void> {
  const { name } = query.item;
  let failure: unknown;
  try {
    for await (const _hit of next.find(ctx, query)) backoff.reset();
  } catch (error) {
    ctx.log.debug({ err: error, name }, "watch of own registration failed");
    failure = error;
  }
  while (!ctx.signal.aborted) {
    try {
      await backoff.pause(ctx, failure);
      ctx.log.info({ name }, "watch of own registration ended, registering again");
      await factory.register({ cancel: ctx.signal });
      return;
    } catch (error) {
      if (!ctx.signal.aborted) ctx.log.warn({ err: error, name }, "not registered again");
      failure = error;
    }
  }
}

async function* reopened<T extends RegistryItem>(
  kind: RegistryKind<T>,
  lifetime: Context,
  caller: Context,
  query: RegistryQuery<T>,
  next: RegistryNext<T>,
): AsyncGenerator<RegistryResponse<T>> {
  const { ctx, cancel } = withSignal(caller, lifetime.signal);
  const backoff = new Backoff();
  try {
    while (!ctx.signal.aborted) {
      const opening = { item: kind.clone(query.item), watch: true };
      let failure: unknown;
      try {
        for await (const hit of next.find(ctx, opening)) {
          backoff.reset();
          yield hit;
        }
      } catch (error) {
        ctx.log.debug({ err: error }, "watch ended, opening it again");
        failure = error;
      }
      await backoff.pause(ctx, failure).catch(() => {});
    }
  } finally {
    cancel();
  }
}

function namedItem<T extends RegistryItem>(kind: RegistryKind<T>, name: string): T {
  const item = kind.create();
  item.name = name;
  return item;
}
