// SPDX-License-Identifier: Apache-2.0
import type { Connection, NetworkServiceElement } from "@nsm/core";
import { counter, injectError } from "@nsm/testkit";
import { hopsOf } from "./support/calls.js";
import { asked, livenessOf, type World, worldOf } from "./support/world.js";

const HEAL_BOUND_MS = 15_000;
const ALSO_LATER_MS = 2_000;
const TOKEN_LIFETIME_MS = 60_000;

let world: World;
afterEach(() => world.domain.close());

/** A Close that never leaves the client. */
const lostClose: NetworkServiceElement = {
  name: "lost-close",
  close: () => Promise.reject(new Error("lost")),
};

const links = (): (number | undefined)[] => world.domain.nodes.map((node) => node.statistics().links);

describe("Close of a connection", () => {
  it("SBX-45 arrives once when a refresh was refused, be it the client's or that of the repair", async () => {
    world = await worldOf(1);
    const { domain, request, refresh, close, pass, until } = world;
    const calls = counter();
    await world.endpoint(1, "nse", calls, injectError({ request: [1, -1], close: [] }));
    const client = domain.node(1).newClient("nsc", { heal: {} });
    const connection = await request(client, asked());
    await expect(refresh(client, connection)).rejects.toThrow();
    await until(() => calls.closes, 1, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    await close(client, connection);
    await pass(ALSO_LATER_MS);
    expect(calls.closes).toBe(1);
    expect(links()).toEqual([0]);
  });

  it("SBX-52 reaches the whole path while the registry is dead", async () => {
    world = await worldOf(2);
    const { domain, request, close } = world;
    const [own, forwarder, nse] = [counter(), counter(), counter()];
    await domain.wait(domain.node(1).forwarder.stop());
    await domain.node(1).newForwarder({ name: "forwarder-counted", elements: [forwarder] });
    await world.endpoint(2, "nse", nse);
    const client = domain.node(1).newClient("nsc", { elements: [own] });
    const connection = await request(client, asked());
    await domain.wait(domain.registry.kill());
    await close(client, connection);
    expect([own.closes, forwarder.closes, nse.closes]).toEqual([1, 1, 1]);
    expect(links()).toEqual([0, 0]);
  });
});

describe("the forwarder of a connection", () => {
  it("SBX-46 is another after Close, when some refuse", async () => {
    world = await worldOf(1);
    const { domain, request, close, limited, pass } = world;
    await domain.wait(domain.node(1).forwarder.stop());
    const refusing = injectError({ request: [0, 1, 2, 3, 4, 6, 7], close: [] });
    const tried: string[] = [];
    for (let index = 0; index < 10; index++) {
      const name = `forwarder-${index}`;
      const noting: NetworkServiceElement = {
        name: "noting",
        request(ctx, message, next) {
          tried.push(name);
          return next.request(ctx, message);
        },
      };
      await domain.node(1).newForwarder({ name, elements: [noting, refusing] });
    }
    await world.endpoint(1, "nse");
    const client = domain.node(1).newClient("nsc");
    const connection = await request(client, asked());
    expect([tried.length, new Set(tried).size, tried.at(-1)]).toEqual([6, 6, hopsOf(connection)[2]]);
    await close(client, connection);
    await pass(2_000); // before that those which refused are tried last
    const again: Connection = await limited((ctx) =>
      client.request(ctx, { connection, mechanismPreferences: [] }),
    );
    expect([tried.length, new Set(tried).size, tried.at(-1)]).toEqual([9, 6, hopsOf(again)[2]]);
    expect(hopsOf(again)[2]).not.toBe(hopsOf(connection)[2]);
  });

  it.each([
    ["SBX-47 changes when it dies, though the Close of the repair is lost", 1],
    ["SBX-48 changes on the endpoint's node when it dies there, over a restart of the registry", 2],
  ])("%s", async (_title, node) => {
    world = await worldOf(node);
    const { domain, request, refresh, until, pass } = world;
    const calls = counter();
    await world.endpoint(node, "nse", calls);
    const client = domain.node(1).newClient("nsc", { heal: {}, elements: [lostClose] });
    const connection = await request(client, asked());
    await domain.node(node).newForwarder({ name: "forwarder-other" });
    if (node === 2) await domain.wait(domain.registry.restart());
    await pass(1_000);
    await domain.wait(domain.node(node).forwarder.kill());
    await until(() => calls.requests, 2, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    expect([calls.requests, calls.uniqueRequests, calls.closes]).toEqual([2, 1, 1]);
    const refreshed = await refresh(client, connection);
    expect([hopsOf(refreshed).at(-2), calls.requests]).toEqual(["forwarder-other", 3]);
    expect(hopsOf(connection).at(-2)).not.toBe("forwarder-other");
  });

  it("SBX-49 stays while the data path is alive, over its restart and the registry's, and changes after", async () => {
    world = await worldOf(1);
    const { domain, request, refresh, until, pass } = world;
    const calls = counter();
    let alive = true;
    await world.endpoint(1, "nse", calls);
    const client = domain.node(1).newClient("nsc", { heal: { liveness: livenessOf(() => alive) } });
    const connection = await request(client, asked());
    await domain.node(1).newForwarder({ name: "forwarder-other" });
    await domain.wait(domain.registry.restart());
    await domain.wait(domain.node(1).forwarder.restart());
    await until(() => calls.requests, 2, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    expect(hopsOf(await refresh(client, connection))).toEqual(hopsOf(connection));
    expect(calls.closes).toBe(0);
    const { requests } = calls;
    alive = false;
    await domain.wait(domain.node(1).forwarder.kill());
    await until(() => calls.requests > requests, true, HEAL_BOUND_MS);
    alive = true;
    await pass(ALSO_LATER_MS);
    expect(hopsOf(await refresh(client, connection))[2]).toBe("forwarder-other");
    expect([calls.closes > 0, calls.uniqueRequests]).toEqual([true, 1]);
  });
});

describe("a repair that leaves an endpoint", () => {
  it.each([
    ["SBX-50a closes behind a manager that has forgotten the connection (local)", 1, [1]],
    ["SBX-50b closes behind a manager that has forgotten the connection (first of two)", 2, [1]],
    ["SBX-50c closes behind a manager that has forgotten the connection (second of two)", 2, [2]],
    ["SBX-50d closes behind managers that have forgotten the connection (both)", 2, [1, 2]],
  ])("%s", async (_title, node, restarted) => {
    world = await worldOf(node);
    const { domain, request, refresh, close, until, pass } = world;
    const [own, first, second] = [counter(), counter(), counter()];
    let dead = "";
    const liveness = livenessOf(({ networkServiceEndpointName: name }) => name !== dead);
    await world.endpoint(node, "nse-1", first);
    const client = domain.node(1).newClient("nsc", { heal: { liveness }, elements: [own] });
    const connection = await request(client, asked());
    const linksPerNode = links();
    await world.endpoint(node, "nse-2", second);
    dead = "nse-1";
    for (const index of restarted) await domain.wait(domain.node(index).manager.restart());
    await until(() => second.requests > 0, true, HEAL_BOUND_MS);
    await pass(ALSO_LATER_MS);
    expect([own.uniqueCloses, first.closes, second.requests, second.closes]).toEqual([1, 1, 1, 0]);
    expect(links()).toEqual(linksPerNode);
    await refresh(client, connection);
    expect([own.uniqueCloses, first.closes, second.closes]).toEqual([1, 1, 0]);
    await close(client, connection);
    expect([first.closes, second.closes, ...links()]).toEqual([1, 1, ...linksPerNode.map(() => 0)]);
  });

  it.each([
    ["SBX-51a closes behind a forwarder that has forgotten the connection, by the endpoint's own token", 1],
    ["SBX-51b closes behind a forwarder that has forgotten the connection, at the next one", 2],
  ])("%s", async (_title, node) => {
    world = await worldOf(node, {}, TOKEN_LIFETIME_MS);
    const { domain, request, refresh, close, until, pass } = world;
    const [first, second] = [counter(), counter()];
    let dead = "";
    const liveness = livenessOf(({ networkServiceEndpointName: name }) => name !== dead);
    // the restarted forwarder starts with the first endpoint again, which must not take the connection back
    await world.endpoint(node, "nse-1", injectError({ request: [1, -1], close: [] }), first);
    const client = domain.node(1).newClient("nsc", { heal: { liveness } });
    const connection = await request(client, asked());
    const linksPerNode = links();
    await world.endpoint(node, "nse-2", second);
    dead = "nse-1";
    await domain.wait(domain.node(1).forwarder.restart());
    await until(() => second.requests > 0, true, HEAL_BOUND_MS);
    if (node === 2) expect(first.closes).toBe(1);
    await pass(TOKEN_LIFETIME_MS);
    expect([first.closes, second.uniqueRequests, second.closes]).toEqual([1, 1, 0]);
    expect(links()).toEqual(linksPerNode);
    await refresh(client, connection);
    await close(client, connection);
    expect([first.closes, second.closes, ...links()]).toEqual([1, 1, ...linksPerNode.map(() => 0)]);
  });
});
