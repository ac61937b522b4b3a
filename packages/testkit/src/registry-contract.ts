// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Context,
  contextKey,
  type RegistryElement,
  type RegistryItem,
  type RegistryKind,
  type RegistryNext,
  type RegistryQuery,
  type RegistryResponse,
  type RegistryStore,
  StatusError,
  startRegistry,
} from "@nsm/core";
import { testContext } from "./contexts.js";
import { VirtualClock } from "./virtual-clock.js";

/** How to call the registry element under test. */
export interface RegistryElementContractOptions<T extends RegistryItem> {
  readonly before?: () => readonly RegistryElement<T>[];
  readonly item?: () => T;
  readonly context?: (ctx: Context) => Context;
  /** False for an element whose Find answers from what it keeps. Default true. */
  readonly findCallsNext?: boolean;
}

const marker = contextKey<string>("contract-marker");

class Next<T extends RegistryItem> implements RegistryNext<T> {
  readonly contexts: Context[] = [];
  unregisters = 0;
  error: unknown;

  async register(ctx: Context, item: T): Promise<T> {
    this.contexts.push(ctx);
    if (this.error) throw this.error;
    return item;
  }

  async *find(ctx: Context, query: RegistryQuery<T>): AsyncGenerator<RegistryResponse<T>> {
    this.contexts.push(ctx);
    if (this.error) throw this.error;
    if (!query.watch) yield { item: query.item, deleted: false };
  }

  async unregister(ctx: Context): Promise<void> {
    this.contexts.push(ctx);
    this.unregisters += 1;
    if (this.error) throw this.error;
  }
}

/** What every registry element keeps: errors and context pass through, Unregister reaches next. */
export function registryElementContract<T extends RegistryItem>(
  kind: RegistryKind<T>,
  factory: (clock: VirtualClock) => RegistryElement<T>,
  options: RegistryElementContractOptions<T> = {},
): void {
  const setUp = () => {
    const clock = new VirtualClock();
    const next = new Next<T>();
    const chain = [...(options.before?.() ?? []), factory(clock)].reduceRight<RegistryNext<T>>(
      (tail, element) => startRegistry(element, tail),
      next,
    );
    const base = testContext({ clock, timeoutMs: 15_000 }).with(marker, "kept");
    const item = options.item ?? (() => kind.create({ name: "item-0" } as Partial<T>));
    return { clock, next, chain, ctx: options.context ? options.context(base) : base, item };
  };

  describe(`registry element contract, ${kind.text}`, () => {
    it("passes an error of next's Register through with code and text", async () => {
      const { next, chain, ctx, item } = setUp();
      next.error = new StatusError(Code.RESOURCE_EXHAUSTED, "none left");
      await expect(chain.register(ctx, item())).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    });

    it("keeps the context's values on the way to next", async () => {
      const { next, chain, ctx, item } = setUp();
      await chain.register(ctx, item());
      await chain.unregister(ctx, item());
      expect(next.contexts.map((used) => used.get(marker))).not.toContain(undefined);
    });

    it("reaches next with Unregister after a Register", async () => {
      const { next, chain, ctx, item } = setUp();
      const registered = await chain.register(ctx, item());
      await chain.unregister(ctx, registered);
      expect(next.unregisters).toBe(1);
    });

    if (options.findCallsNext !== false) {
      it("passes hits of next through", async () => {
        const { chain, ctx, item } = setUp();
        const names: string[] = [];
        for await (const hit of chain.find(ctx, { item: item(), watch: false })) names.push(hit.item.name);
        expect(names).toEqual([item().name]);
      });
    }

    it("keeps no timer after Unregister", async () => {
      const { clock, chain, ctx, item } = setUp();
      const before = clock.pendingTimers;
      const registered = await chain.register(ctx, item());
      await chain.unregister(ctx, registered);
      await clock.settle();
      expect(clock.pendingTimers).toBeLessThanOrEqual(before);
    });
  });
}

/** What every store behind a registry keeps; `item(name)` makes one, `change` alters a field that queries ignore. */
export function registryStoreContract<T extends RegistryItem>(
  open: () => Promise<RegistryStore<T>> | RegistryStore<T>,
  item: (name: string) => T,
  any: () => T,
): void {
  describe("registry store contract", () => {
    const signal = new AbortController().signal;

    it("finds what was stored, as a copy", async () => {
      const store = await open();
      const stored = item("a");
      await store.upsert(stored, signal);
      stored.name = "changed";
      const [found] = await store.find(any(), signal);
      expect(found?.name).toBe("a");
    });

    it("replaces by name and removes by name; an absent name is no error", async () => {
      const store = await open();
      await store.upsert(item("a"), signal);
      await store.upsert(item("a"), signal);
      expect(await store.find(any(), signal)).toHaveLength(1);
      await store.remove("a", signal);
      await store.remove("a", signal);
      expect(await store.find(any(), signal)).toHaveLength(0);
    });

    it("keeps an item whose precondition fails", async () => {
      const store = await open();
      await store.upsert(item("a"), signal);
      await store.remove("a", signal, () => false);
      expect(await store.find(any(), signal)).toHaveLength(1);
    });

    it("shows a watcher what is there and every later change, and ends on abort", async () => {
      const store = await open();
      await store.upsert(item("a"), signal);
      const watching = new AbortController();
      const events = store.watch(any(), watching.signal)[Symbol.asyncIterator]();
      expect((await events.next()).value).toMatchObject({ type: "upsert", item: { name: "a" } });
      await store.upsert(item("b"), signal);
      expect((await events.next()).value).toMatchObject({ type: "upsert", item: { name: "b" } });
      await store.remove("a", signal);
      expect((await events.next()).value).toMatchObject({ type: "delete", item: { name: "a" } });
      watching.abort();
      expect((await events.next()).done).toBe(true);
    });

    it("gives a slow watcher the last state per name without growing", async () => {
      const store = await open();
      const watching = new AbortController();
      const events = store.watch(any(), watching.signal)[Symbol.asyncIterator]();
      const first = events.next();
      await store.upsert(item("a"), signal);
      await first;
      for (let i = 0; i < 1000; i++) await store.upsert(item("a"), signal);
      await store.remove("a", signal);
      const types: string[] = [];
      for (let i = 0; i < 3 && types.at(-1) !== "delete"; i++)
        types.push((await events.next()).value?.type ?? "");
      expect(types.at(-1)).toBe("delete");
      watching.abort();
    });
  });
}
