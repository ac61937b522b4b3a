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
  readonly pace: Pace;
}

/** How often one registration is repeated. */
interface Pace {
  readonly backoff: Backoff;
  /** How long the registry may take to show the registration; doubled each time that it does not. Milliseconds. */
  patienceMs: number;
}

/** A registry shows what it knows at once. */
const PATIENCE_MS = 2_000;
const LONGEST_PATIENCE_MS = 60_000;

/**
 * Keeps registrations and watches alive while the registry restarts. After a Register it watches the requested name on
 * the rest of the chain. It registers again when that stream ends, whatever the reason; when an endpoint is deleted
 * there (of a network service that may be somebody's decision); and when the stream does not show it within 2 s, since
 * the registry was restarted in between, the latter less and less often, up to once a minute. A Find with watch is
 * opened again whenever it ends: the consumer sees the snapshot once more and no deletions that happened in between.
 * Place after `begin`. Upstream: `heal`.
 *
 * Deviations: upstream does not look at what the stream shows; pauses of 50 ms doubling to 1 s, or to 200 ms while the
 * next hop cannot be reached, before each repetition (upstream: none); a watch that cannot be opened repeats the
 * Register instead of failing it; a failed repetition is repeated.
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

  const guard = (ctx: Context, names: Names, next: RegistryNext<T>, pace: Pace): void => {
    const factory = ctx.get(eventFactory);
    if (factory === undefined || lifetime.signal.aborted) return;
    const watch = withCancel(detached(ctx, lifetime.signal));
    healings.set(names.requested, { watch, pace });
    const find = (findCtx: Context) =>
      next.find(findCtx, { item: namedItem(kind, names.requested), watch: true });
    void heal(watch.ctx, kind, names, find, factory, pace);
  };

  onAbort(lifetime.signal, () => {
    for (const name of [...healings.keys()]) stop(name);
  });

  return {
    name: "heal-client",
    async register(ctx, item, next) {
      const { name } = item;
      const registered = await next.register(ctx, item);
      const pace = healings.get(name)?.pace ?? { backoff: new Backoff(), patienceMs: PATIENCE_MS };
      stop(name);
      guard(ctx, { requested: name, registered: registered.name }, next, pace);
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

/** What was asked for, and what the registry made of it. */
interface Names {
  readonly requested: string;
  readonly registered: string;
}

/** Waits until the registration is lost, then registers until that succeeds; a success replaces this healing. */
async function heal<T extends RegistryItem>(
  ctx: Context,
  kind: RegistryKind<T>,
  names: Names,
  find: (ctx: Context) => AsyncIterable<RegistryResponse<T>>,
  factory: RegistryEventFactory,
  pace: Pace,
): Promise<void> {
  const name = names.requested;
  let failure: unknown;
  try {
    await untilLost(ctx, kind, names, find, pace);
  } catch (error) {
    ctx.log.debug({ err: error, name }, "watch of own registration failed");
    failure = error;
  }
  while (!ctx.signal.aborted) {
    try {
      await pace.backoff.pause(ctx, failure);
      ctx.log.info({ name }, "watch of own registration ended, registering again");
      await factory.register({ cancel: ctx.signal });
      return;
    } catch (error) {
      if (!ctx.signal.aborted) ctx.log.warn({ err: error, name }, "not registered again");
      failure = error;
    }
  }
}

/** Watches a registration until the stream ends, shows its deletion, or does not show it in time. */
async function untilLost<T extends RegistryItem>(
  ctx: Context,
  kind: RegistryKind<T>,
  { requested, registered }: Names,
  find: (ctx: Context) => AsyncIterable<RegistryResponse<T>>,
  pace: Pace,
): Promise<void> {
  const isDeletionLoss = kind.type === "NetworkServiceEndpoint";
  const watch = withCancel(ctx);
  const unseen = ctx.clock.setTimeout(
    () => {
      pace.patienceMs = Math.min(2 * pace.patienceMs, LONGEST_PATIENCE_MS);
      ctx.log.info({ name: requested }, "the registry does not show the own registration");
      watch.cancel();
    },
    pace.patienceMs,
    true,
  );
  try {
    for await (const { item, deleted } of find(watch.ctx)) {
      if (item.name !== requested && item.name !== registered) continue;
      if (deleted && isDeletionLoss) return;
      unseen.cancel();
      pace.patienceMs = PATIENCE_MS;
      pace.backoff.reset();
    }
  } finally {
    unseen.cancel();
    watch.cancel();
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
