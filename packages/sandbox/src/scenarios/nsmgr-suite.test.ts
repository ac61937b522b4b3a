// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";
import { pointToPointIpamServer } from "@nsm/sdk/networkservice/ipam/point-to-point";
import { strictIpamServer } from "@nsm/sdk/networkservice/ipam/strict";
import { counter, injectError } from "@nsm/testkit";
import { hopsOf } from "./support/calls.js";
import { asked, SERVICE, type World, worldOf } from "./support/world.js";

let world: World;
afterEach(() => world.domain.close());

describe("a domain of several nodes", () => {
  it("SBX-10 answers a Request that came before its endpoint", async () => {
    world = await worldOf(2);
    const { domain, pass, request, refresh, close } = world;
    const calls = counter();
    const client = domain.node(1).newClient("nsc", { retry: {} });
    const early = request(client, asked());
    await pass(100);
    expect(calls.requests).toBe(0);
    await world.endpoint(2, "final-endpoint", calls);
    const connection = await early;
    expect([hopsOf(connection).length, calls.requests]).toEqual([6, 1]);
    const refreshed = await refresh(client, connection);
    expect([hopsOf(refreshed).length, calls.requests]).toEqual([6, 2]);
    await close(client, refreshed);
    expect([calls.closes, calls.uniqueCloses]).toEqual([1, 1]);
  });

  it("SBX-11 waits for a registered endpoint that does not serve yet", async () => {
    world = await worldOf(1);
    const { domain, pass, request } = world;
    const calls = counter();
    const nse = await world.endpoint(1, "final-endpoint", calls);
    await domain.wait(nse.kill());
    const early = request(domain.node(1).newClient("nsc", { retry: {} }), asked());
    await pass(1000);
    expect(calls.requests).toBe(0);
    await domain.wait(nse.start());
    expect(hopsOf(await early)).toHaveLength(4);
    expect(calls.requests).toBe(1);
  });

  it("SBX-12 moves to the endpoint that suits the changed network service, with its addresses only", async () => {
    world = await worldOf(2);
    const { domain, pass, request, refresh, close } = world;
    const ipam = (prefix: string) => strictIpamServer(pointToPointIpamServer, [prefix]);
    const [first, second] = [counter(), counter()];
    await world.endpoint(2, "nse-1", first, ipam("100.100.100.100/30"));
    const client = domain.node(1).newClient("nsc", { retry: {}, heal: {} });
    const connection = await request(client, asked());
    expect(connection.context.ipContext).toMatchObject({
      srcIpAddrs: ["100.100.100.101/32"],
      dstIpAddrs: ["100.100.100.100/32"],
    });
    const labels = { experimental: "true" };
    const elements = [second, ipam("200.200.200.200/30")];
    await domain.node(1).newEndpoint({ name: "nse-2", services: [SERVICE], labels, elements });
    await domain.registerService(SERVICE, {
      matches: [{ routes: [{ destinationSelector: labels }] }],
    });
    await pass(500);
    const refreshed = await refresh(client, connection);
    expect(refreshed.networkServiceEndpointName).toBe("nse-2");
    expect(refreshed.context.ipContext).toMatchObject({
      srcIpAddrs: ["200.200.200.201/32"],
      dstIpAddrs: ["200.200.200.200/32"],
    });
    expect([first.closes > 0, first.uniqueCloses]).toEqual([true, 1]);
    await close(client, refreshed);
    expect([second.uniqueRequests, second.closes]).toEqual([1, 1]);
  });

  it("SBX-13 tries busy endpoints until a good one is there", async () => {
    world = await worldOf(2);
    const { domain, pass, request, refresh, close } = world;
    for (const name of ["busy-1", "busy-2", "busy-3"]) await world.endpoint(2, name, injectError());
    const client = domain.node(1).newClient("nsc", { retry: {} });
    const early = request(client, asked());
    early.catch(() => {});
    await pass(500);
    const calls = counter();
    await world.endpoint(2, "good", calls);
    const connection = await early;
    expect([connection.networkServiceEndpointName, calls.requests]).toEqual(["good", 1]);
    const refreshed = await refresh(client, connection);
    expect([refreshed.networkServiceEndpointName, calls.requests]).toEqual(["good", 2]);
    await close(client, refreshed);
    expect([calls.closes, calls.uniqueCloses]).toEqual([1, 1]);
  });

  it.each(["kill", "pause"] as const)(
    "SBX-15 a refresh to a dead endpoint ends within its deadline, and the endpoint can be unregistered (%s)",
    async (way) => {
      world = await worldOf(1);
      const { domain, request, limited } = world;
      const calls = counter();
      const nse = await world.endpoint(1, "final-endpoint", calls);
      const client = domain.node(1).newClient("nsc");
      const connection = await request(client, asked());
      if (way === "kill") await domain.wait(nse.kill());
      else nse.pause();
      const startMs = domain.network.clock.now();
      const again = { connection, mechanismPreferences: [] };
      const code = way === "kill" ? Code.UNAVAILABLE : Code.DEADLINE_EXCEEDED;
      await expect(limited((ctx) => client.request(ctx, again), 1000)).rejects.toMatchObject({ code });
      expect(domain.network.clock.now() - startMs).toBeLessThanOrEqual(1000);
      if (way === "kill") await domain.wait(nse.start());
      await domain.wait(nse.stop());
      await expect(request(client, asked("2"))).rejects.toThrow("candidates not found");
      expect(calls.requests).toBe(1);
    },
  );

  it("SBX-20 keeps nothing of a client and an endpoint that are gone", async () => {
    world = await worldOf(1);
    const { domain, request, close } = world;
    const before = world.kept();
    const nse = await world.endpoint(1, "final-endpoint");
    const client = domain.node(1).newClient("nsc", { retry: {}, heal: {} });
    const connection = await request(client, asked());
    expect(world.kept()).not.toEqual(before);
    await close(client, connection);
    await domain.wait(nse.stop());
    await world.pass(50);
    expect(world.kept()).toEqual(before);
  });
});
