// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { counter, injectError } from "@nsm/testkit";
import type { ClientSpec } from "../index.js";
import { hopsOf } from "./support/calls.js";
import { asked, livenessOf, type World, worldOf } from "./support/world.js";

const HEAL_BOUND_MS = 15_000;
const ALSO_LATER_MS = 2_000;

let world: World;
afterEach(() => world.domain.close());

const healing = (heal: ClientSpec["heal"] = {}): ClientSpec => ({ retry: {}, heal });

describe("a connection heals when its endpoint", () => {
  it.each([
    ["SBX-30a is replaced on the same node", 1, 4, false],
    ["SBX-30b is replaced on another node", 2, 6, false],
    ["SBX-31 is replaced and its data path is dead too", 2, 6, true],
  ])("%s", async (_title, node, length, checked) => {
    world = await worldOf(node);
    const { domain, request, refresh, close, until, pass } = world;
    const calls = counter();
    const first = await world.endpoint(node, "nse-1", calls);
    let dead = "";
    const liveness = livenessOf(({ networkServiceEndpointName: name }) => name !== dead);
    const client = domain.node(1).newClient("nsc", healing(checked ? { liveness } : {}));
    const connection = await request(client, asked());
    await world.endpoint(node, "nse-2", calls);
    dead = "nse-1";
    await domain.wait(first.kill());
    await until(() => calls.uniqueRequests, 2, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    const refreshed = await refresh(client, connection);
    expect([refreshed.networkServiceEndpointName, hopsOf(refreshed).length]).toEqual(["nse-2", length]);
    expect(calls.uniqueRequests).toBe(2);
    const closes = calls.uniqueCloses;
    await close(client, connection);
    expect(calls.uniqueCloses).toBe(closes + 1);
  });

  it("SBX-32 lives and answers, but its data path is dead", async () => {
    world = await worldOf(1);
    const { domain, request, refresh, close, until, pass } = world;
    const [first, second] = [counter(), counter()];
    let broken = "";
    await world.endpoint(1, "nse-1", first);
    const liveness = livenessOf((connection) => connection.networkServiceEndpointName !== broken);
    const client = domain.node(1).newClient("nsc", healing({ liveness }));
    const connection = await request(client, asked());
    await world.endpoint(1, "nse-2", second);
    await pass(ALSO_LATER_MS);
    expect([first.requests, second.requests]).toEqual([1, 0]);
    broken = "nse-1";
    await until(() => second.requests, 1, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    expect([first.requests, first.closes, second.requests]).toEqual([1, 1, 1]);
    expect((await refresh(client, connection)).networkServiceEndpointName).toBe("nse-2");
    await close(client, connection);
    expect([first.closes, second.closes]).toEqual([1, 1]);
  });

  it("SBX-33 dies, but not to another endpoint while its data path is alive", async () => {
    world = await worldOf(1);
    const { domain, request, pass, until } = world;
    const [first, second] = [counter(), counter()];
    let alive = true;
    const nse = await world.endpoint(1, "nse-1", first);
    const client = domain.node(1).newClient("nsc", healing({ liveness: livenessOf(() => alive) }));
    await request(client, asked());
    await world.endpoint(1, "nse-2", second);
    await domain.wait(nse.kill());
    await pass(ALSO_LATER_MS);
    expect([first.requests, second.requests]).toEqual([1, 0]);
    alive = false;
    await until(() => second.requests > 0, true);
    alive = true;
  });
});

describe("a connection heals when a server of its path is gone", () => {
  it.each([
    ["SBX-34a the forwarder of its node", 1],
    ["SBX-34b the forwarder of the endpoint's node", 2],
  ])("%s, by a forwarder of another name", async (_title, node) => {
    world = await worldOf(node);
    const { domain, request, refresh, close, until, pass } = world;
    const calls = counter();
    await world.endpoint(node, "nse", calls);
    const client = domain.node(1).newClient("nsc", healing());
    const connection = await request(client, asked());
    await domain.wait(domain.node(node).forwarder.kill());
    await domain.node(node).newForwarder({ name: "forwarder-new" });
    await until(() => calls.requests, 2, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    const refreshed = await refresh(client, connection);
    expect(hopsOf(refreshed).at(-2)).toBe("forwarder-new");
    expect([calls.requests, calls.uniqueRequests]).toEqual([3, 1]);
    const { closes } = calls;
    await close(client, connection);
    expect(calls.closes).toBe(closes + 1);
  });

  it("SBX-35a the manager of its node, which comes back", async () => {
    world = await worldOf(1);
    const { domain, request, refresh, close, until, pass } = world;
    const calls = counter();
    await world.endpoint(1, "nse", calls);
    const client = domain.node(1).newClient("nsc", healing());
    const connection = await request(client, asked());
    await domain.wait(domain.node(1).manager.restart());
    await until(() => calls.requests, 2, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    await refresh(client, connection);
    expect([calls.requests, calls.uniqueRequests]).toEqual([3, 1]);
    await close(client, connection);
    expect(calls.closes).toBe(2);
  });

  it("SBX-35b the manager of the endpoint's node, by an endpoint of another node", async () => {
    world = await worldOf(3);
    const { domain, request, refresh, close, until, pass } = world;
    const calls = counter();
    await world.endpoint(2, "nse-1", calls);
    const client = domain.node(1).newClient("nsc", healing());
    const connection = await request(client, asked());
    await world.endpoint(3, "nse-2", calls);
    await domain.wait(domain.node(2).manager.kill());
    await until(() => calls.uniqueRequests, 2, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    const refreshed = await refresh(client, connection);
    expect([refreshed.networkServiceEndpointName, calls.uniqueRequests]).toEqual(["nse-2", 2]);
    const closes = calls.uniqueCloses;
    await close(client, connection);
    expect(calls.uniqueCloses).toBe(closes + 1);
  });

  it("SBX-36 the registry, which comes back empty", async () => {
    world = await worldOf(1);
    const { domain, request, refresh, close } = world;
    const calls = counter();
    await world.endpoint(1, "nse", calls);
    const client = domain.node(1).newClient("nsc", healing());
    const connection = await request(client, asked());
    await domain.wait(domain.registry.restart());
    await refresh(client, connection);
    expect(calls.requests).toBeGreaterThanOrEqual(2);
    const other = domain.node(1).newClient("nsc-2", healing());
    const second = await request(other, asked("2"));
    expect(calls.requests).toBeGreaterThanOrEqual(3);
    await close(client, connection);
    await close(other, second);
    expect(calls.uniqueCloses).toBe(2);
  });
});

describe("Close while a connection heals", () => {
  it.each([
    ["SBX-37a ends everything", 0],
    ["SBX-37b ends everything, with an endpoint whose registration has expired", 120_000],
  ])("%s", async (_title, afterMs) => {
    world = await worldOf(1);
    const { domain, request, limited, pass } = world;
    const before = world.kept();
    const nse = await world.endpoint(1, "nse");
    const client = domain.node(1).newClient("nsc", healing());
    const connection = await request(client, asked());
    await domain.wait(nse.kill());
    await pass(afterMs + 300);
    expect(world.kept()["node-1/heal-client.watched"]).toBe(1);
    await limited((ctx) => client.close(ctx, connection), 1000).catch(() => {});
    await pass(120_000);
    expect(world.kept()).toEqual(before);
  });
});

describe("the forwarder of a connection stays", () => {
  it.each([
    ["SBX-38a over ten restarts of the manager and as many new forwarders, by refreshes", undefined],
    [
      "SBX-38b over ten restarts of the manager and as many new forwarders, healed with a live data path",
      { liveness: livenessOf(() => true) },
    ],
  ])("%s", async (_title, heal) => {
    world = await worldOf(1);
    const { domain, request, refresh, close, until } = world;
    const calls = counter();
    await world.endpoint(1, "nse", calls);
    await domain.wait(domain.node(1).forwarder.stop());
    const busyOnce = injectError({ request: [0], close: [] });
    await domain.node(1).newForwarder({ name: "forwarder-busy", elements: [busyOnce] });
    await domain.node(1).newForwarder({ name: "forwarder-chosen" }); // not the first that a manager would take
    const client = domain.node(1).newClient("nsc", heal ? healing(heal) : { retry: {} });
    const connection = await request(client, asked());
    const hops = hopsOf(connection);
    expect(hops[2]).toBe("forwarder-chosen");
    for (let index = 0; index < 10; index++) {
      await domain.node(1).newForwarder({ name: `forwarder-extra-${index}` });
      const { requests } = calls;
      await domain.wait(domain.node(1).manager.restart());
      if (heal) await until(() => calls.requests > requests, true);
      expect(hopsOf(await refresh(client, connection))).toEqual(hops);
    }
    expect([calls.uniqueRequests, calls.closes]).toEqual([1, 0]);
    await close(client, connection);
    expect(calls.closes).toBe(1);
  });
});

describe("a refresh that fails", () => {
  it("SBX-39 leads to another endpoint once the data path is dead", async () => {
    world = await worldOf(1, {}, 15 * 60_000);
    const { domain, request, pass, until } = world;
    const [first, second] = [counter(), counter()];
    let alive = true;
    await world.endpoint(1, "nse-1", first, injectError({ request: [1, -1], close: [] }));
    const client = domain.node(1).newClient("nsc", healing({ liveness: livenessOf(() => alive) }));
    await request(client, asked());
    await world.endpoint(1, "nse-2", second);
    await pass(170_000);
    expect(first.requests).toBe(1);
    await pass(20_000);
    expect([first.requests > 1, second.requests]).toEqual([true, 0]);
    alive = false;
    await until(() => second.requests, 1);
    alive = true;
    await pass(ALSO_LATER_MS);
    expect(second.requests).toBe(1);
  });

  it("SBX-40 since the forwarder died in it is done by another forwarder, once", async () => {
    world = await worldOf(1, {}, 15 * 60_000);
    const { domain, request, pass, until } = world;
    const calls = counter();
    await world.endpoint(1, "nse", calls);
    await domain.wait(domain.node(1).forwarder.stop());
    let served = 0;
    const dying: NetworkServiceElement = {
      name: "dying",
      async request(ctx, message, next) {
        if (served++ === 1) {
          void mortal.kill();
          await new Promise(() => {});
        }
        return await next.request(ctx, message);
      },
    };
    const mortal = await domain.node(1).newForwarder({ name: "forwarder-mortal", elements: [dying] });
    const client = domain.node(1).newClient("nsc", healing());
    await request(client, asked());
    await domain.node(1).newForwarder({ name: "forwarder-new" });
    await pass(170_000);
    expect([served, calls.requests]).toEqual([1, 1]);
    await pass(20_000);
    await until(() => calls.requests, 2, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    expect([served, calls.requests]).toEqual([2, 2]);
  });

  it("SBX-06 since the forwarder dies in it heals within 2 s, 15 times", async () => {
    world = await worldOf(1);
    const { domain, request, limited, pass, until } = world;
    const calls = counter();
    await world.endpoint(1, "nse", calls);
    const { forwarder } = domain.node(1);
    let kills = false;
    const killing: NetworkServiceElement = {
      name: "killing",
      async request(ctx, message, next) {
        if (kills) await forwarder.kill();
        kills = false;
        return await next.request(ctx, message);
      },
    };
    const client = domain.node(1).newClient("nsc", { heal: {}, elements: [killing] });
    const connection = await request(client, asked());
    await pass(500);
    expect(calls.requests).toBe(1);
    for (let round = 0; round < 15; round++) {
      kills = true;
      const again = { connection, mechanismPreferences: [] };
      await expect(limited((ctx) => client.request(ctx, again))).rejects.toThrow();
      const { requests } = calls;
      await domain.wait(forwarder.start());
      await until(() => calls.requests > requests, true, 2_000);
      await pass(500);
    }
    expect(calls.uniqueRequests).toBe(1);
  });
});

describe("a repair that gives the endpoint up", () => {
  it("SBX-41 asks as the client's own reselection says", async () => {
    world = await worldOf(1);
    const { domain, request, until } = world;
    const labels: Record<string, string>[] = [];
    const reading: NetworkServiceElement = {
      name: "reading",
      request(ctx, message, next) {
        labels.push({ ...message.connection.labels });
        return next.request(ctx, message);
      },
    };
    const first = await world.endpoint(1, "nse-1", reading);
    const client = domain.node(1).newClient("nsc", {
      ...healing(),
      reselect: ({ connection }) => {
        connection.mechanism = undefined;
        connection.networkServiceEndpointName = "";
        connection.labels = { custom: "reselected" };
      },
    });
    await request(client, asked());
    await world.endpoint(1, "nse-2", reading);
    await domain.wait(first.kill());
    await until(() => labels.length, 2, HEAL_BOUND_MS);
    expect(labels.map(({ custom }) => custom)).toEqual([undefined, "reselected"]);
  });
});
