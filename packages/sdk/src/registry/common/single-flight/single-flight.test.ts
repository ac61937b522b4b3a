// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import {
  type Context,
  endpointKind,
  findAll,
  type RegistryElement,
  registryChain,
  startRegistry,
  withCancel,
} from "@nsm/core";
import { testContext, VirtualClock } from "@nsm/testkit";
import { singleFlightClient } from "./index.js";

interface Asked {
  readonly ctx: Context;
  readonly names: readonly string[];
  answer(...names: string[]): void;
  fail(error: Error): void;
}

/** A registry that answers each Find by hand. */
function setUp() {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const asked: Asked[] = [];
  const byHand: RegistryElement<NetworkServiceEndpoint> = {
    name: "by-hand",
    async *find(ctx, { item }) {
      const found = await new Promise<readonly string[]>((resolve, reject) => {
        asked.push({
          ctx,
          names: item.networkServiceNames,
          answer: (...names) => resolve(names),
          fail: reject,
        });
      });
      for (const name of found) yield { item: newNetworkServiceEndpoint({ name }), deleted: false };
    },
  };
  const element = singleFlightClient<NetworkServiceEndpoint>(endpointKind, life.ctx);
  const registry = startRegistry(registryChain("test", element, byHand));
  const ask = async (service = "ns", ctx: Context = testContext({ clock: new VirtualClock() })) =>
    (await findAll(registry, ctx, newNetworkServiceEndpoint({ networkServiceNames: [service] }))).map(
      ({ name }) => name,
    );
  const settle = () => new Promise(setImmediate);
  return { clock, life, asked, ask, registry, settle, queries: () => element.statistics?.().queries };
}

describe("singleFlightClient", () => {
  it("asks once more for all who come while an equal query runs, and keeps nothing", async () => {
    const { asked, ask, settle, queries } = setUp();
    const first = ask();
    await settle();
    const others = [ask(), ask(), ask()];
    await settle();
    expect(asked.length).toBe(1);
    asked[0]?.answer("old");
    expect(await first).toEqual(["old"]);
    await settle();
    expect(asked.length).toBe(2);
    asked[1]?.answer("a", "b");
    expect(await Promise.all(others)).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(queries()).toBe(0);
  });

  it("lets different queries and watches run side by side", async () => {
    const { asked, ask, settle, registry } = setUp();
    void ask("ns-1");
    void ask("ns-2");
    const watch = registry.find(testContext({ clock: new VirtualClock() }), {
      item: newNetworkServiceEndpoint({ networkServiceNames: ["ns-1"] }),
      watch: true,
    });
    void watch[Symbol.asyncIterator]().next();
    await settle();
    expect(asked.map(({ names }) => names[0]).sort()).toEqual(["ns-1", "ns-1", "ns-2"]);
  });

  it("gives each caller hits of its own", async () => {
    const { asked, settle, registry } = setUp();
    const find = () =>
      findAll(registry, testContext({ clock: new VirtualClock() }), newNetworkServiceEndpoint());
    const first = find();
    await settle();
    const [second, third] = [find(), find()];
    asked[0]?.answer();
    await first;
    await settle();
    asked[1]?.answer("a");
    const [[own], [other]] = await Promise.all([second, third]);
    expect(own).toEqual(other);
    expect(own).not.toBe(other);
  });

  it("tells a failure to all who shared the query, and asks anew for those who come later", async () => {
    const { asked, ask, settle } = setUp();
    const first = ask();
    await settle();
    const shared = [ask(), ask()];
    asked[0]?.fail(new Error("registry is away"));
    await expect(first).rejects.toThrow("registry is away");
    await settle();
    asked[1]?.fail(new Error("still away"));
    for (const each of shared) await expect(each).rejects.toThrow("still away");
    const later = ask();
    await settle();
    asked[2]?.answer("a");
    expect(await later).toEqual(["a"]);
  });

  it("goes on for the others when the one who asked leaves, and ends when all have left", async () => {
    const { asked, ask, settle, queries } = setUp();
    const [one, two] = [0, 1].map(() => withCancel(testContext({ clock: new VirtualClock() })));
    const running = ask("ns");
    await settle();
    const leaving = ask("ns", one?.ctx).catch(() => "left");
    const staying = ask("ns", two?.ctx).catch(() => "left");
    asked[0]?.answer();
    await running;
    await settle();
    one?.cancel();
    expect(await leaving).toBe("left");
    expect(asked[1]?.ctx.signal.aborted).toBe(false);
    two?.cancel();
    expect(await staying).toBe("left");
    expect(asked[1]?.ctx.signal.aborted).toBe(true);
    await settle();
    expect(queries()).toBe(0);
  });

  it("lets nobody wait longer than 1 s for another one's query that hangs", async () => {
    const { clock, asked, ask, queries } = setUp();
    const hanging = ask();
    await clock.settle();
    const waiting = ask();
    await clock.advance(999);
    expect(asked.length).toBe(1);
    await clock.advance(1);
    asked[1]?.answer("a");
    expect(await waiting).toEqual(["a"]);
    asked[0]?.answer("old");
    expect(await hanging).toEqual(["old"]);
    await clock.settle();
    expect([queries(), clock.pendingTimers]).toEqual([0, 0]);
  });

  it("does not start what nobody waits for any more", async () => {
    const { asked, ask, settle, queries } = setUp();
    const { ctx, cancel } = withCancel(testContext({ clock: new VirtualClock() }));
    const running = ask();
    await settle();
    const waiting = ask("ns", ctx).catch(() => "left");
    await settle();
    cancel();
    expect(await waiting).toBe("left");
    asked[0]?.answer();
    await running;
    await settle();
    expect(asked.length).toBe(1);
    expect(queries()).toBe(0);
  });

  it("ends with the chain", async () => {
    const { life, asked, ask, settle, queries } = setUp();
    const running = ask();
    await settle();
    life.cancel();
    await expect(running).rejects.toThrow("context canceled");
    expect(asked[0]?.ctx.signal.aborted).toBe(true);
    await expect(ask()).rejects.toThrow("context canceled");
    await settle();
    expect(queries()).toBe(0);
  });
});
