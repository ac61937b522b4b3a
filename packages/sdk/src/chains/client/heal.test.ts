// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint, State } from "@nsm/api";
import {
  endpointKind,
  type Liveness,
  type NetworkServiceElement,
  networkServiceKind,
  start,
  startRegistry,
} from "@nsm/core";
import { counter, MemoryNetwork, requestWith, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { connectServer } from "../../networkservice/common/connect/index.js";
import { discoverServer } from "../../networkservice/common/discover/index.js";
import { healClient } from "../../networkservice/common/heal/index.js";
import { roundRobinServer } from "../../networkservice/common/round-robin/index.js";
import { upstreamRefreshClient } from "../../networkservice/common/upstream-refresh/index.js";
import { vl3MtuServer } from "../../networkservice/connection-context/vl3-mtu/index.js";
import { memoryServer } from "../../registry/common/memory/index.js";
import { memoryStore } from "../../registry/stores/memory.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../utils/matching/index.js";
import { endpoint } from "../endpoint/index.js";
import { client } from "./index.js";

const LIFETIME_MS = 60_000;
const REQUEST_TIMEOUT_MS = 5_000;
const url = (name: string): URL => new URL(`unix:///run/${name}.sock`);

/** A client with heal, a hop that chooses among endpoints, and the endpoints. */
async function domain(liveness?: Liveness) {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const network = new MemoryNetwork();
  const registries = {
    networkServices: startRegistry(memoryServer(memoryStore(networkServiceKind, matchNetworkServices))),
    endpoints: startRegistry(memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints))),
  };
  await registries.networkServices.register(ctx, newNetworkService({ name: "ns", payload: "IP" }));
  const tokens = (name: string) =>
    testTokens({ clock, subject: `spiffe://test.com/${name}`, lifetimeMs: LIFETIME_MS });
  const connector = (name: string) => network.connector({ tokens: tokens(name) });
  const serve = (name: string, ...elements: NetworkServiceElement[]) =>
    network.listen(url(name), endpoint({ ctx, name, tokens: tokens(name), elements }), ctx);

  const addNse = async (name: string, ...elements: NetworkServiceElement[]) => {
    const calls = counter();
    const server = serve(name, calls, ...elements);
    const nse = newNetworkServiceEndpoint({ name, networkServiceNames: ["ns"], url: url(name).href });
    await registries.endpoints.register(ctx, nse);
    return { calls, server, kill: () => server.kill() };
  };
  const hopCalls = counter();
  const startHop = () =>
    serve(
      "hop",
      hopCalls,
      discoverServer(registries),
      roundRobinServer(),
      connectServer(client({ ctx, name: "hop", connector: connector("hop"), refresh: false })),
    );
  const newClient = (name: string) =>
    start(
      client({
        ctx,
        name,
        url: url("hop"),
        connector: connector(name),
        heal: healClient(ctx, liveness === undefined ? {} : { liveness }),
        elements: [upstreamRefreshClient(ctx)],
      }),
    );
  const request = (nsc: ReturnType<typeof newClient>, id = "id-0") =>
    nsc.request(
      testContext({ clock, timeoutMs: REQUEST_TIMEOUT_MS }),
      requestWith({ id, networkService: "ns" }),
    );
  return { clock, ctx, network, addNse, startHop, hopCalls, newClient, nsc: newClient("nsc"), request };
}

/** A liveness check whose outcome is set from outside. */
const alive = (): Liveness & { outcome: boolean } => {
  const liveness = { outcome: true, alive: async () => liveness.outcome };
  return liveness;
};

describe("client chain with heal", () => {
  it("moves to another endpoint when its own dies; refresh and Close go there (nsmgr heal_test.go)", async () => {
    const { clock, ctx, addNse, startHop, nsc, request, network } = await domain();
    startHop();
    const first = await addNse("nse-1");
    const connection = await request(nsc);
    const second = await addNse("nse-2");
    first.kill();
    await clock.advance(100);
    expect(second.calls.uniqueRequests).toBe(1);
    const healed = second.calls.requests;
    await clock.advance(LIFETIME_MS * 2);
    expect(second.calls.requests).toBeGreaterThan(healed + 2);
    expect([first.calls.requests, second.calls.closes]).toEqual([1, 0]);
    await nsc.close(ctx, connection);
    expect(second.calls.closes).toBe(1);
    await clock.advance(LIFETIME_MS * 2);
    expect(second.calls.closes).toBe(1);
    expect(network.channels).toBe(0);
  });

  it("comes back after every restart of the next hop, within 300 ms and to the same endpoint", async () => {
    const { clock, addNse, startHop, nsc, request } = await domain();
    let hop = startHop();
    const nse = await addNse("nse");
    await request(nsc);
    await clock.settle();
    for (let i = 0; i < 10; i++) {
      hop.kill();
      await clock.advance(10_000);
      const before = nse.calls.requests;
      hop = startHop();
      await clock.advance(300);
      expect(nse.calls.requests).toBe(before + 1);
    }
  });

  it("keeps its endpoint over a restart of the next hop while the data path is alive", async () => {
    const { clock, addNse, startHop, nsc, request, hopCalls } = await domain(alive());
    const hop = startHop();
    const nse = await addNse("nse-1");
    await request(nsc);
    const other = await addNse("nse-2");
    await clock.settle();
    hop.kill();
    await clock.advance(1000);
    startHop();
    await clock.advance(300);
    expect([nse.calls.requests, nse.calls.closes, other.calls.requests, hopCalls.closes]).toEqual([
      2, 0, 0, 0,
    ]);
  });

  it("never changes the endpoint while the data path is alive, and does once it is dead", async () => {
    const liveness = alive();
    const { clock, addNse, startHop, nsc, request } = await domain(liveness);
    startHop();
    const first = await addNse("nse-1");
    await request(nsc);
    const second = await addNse("nse-2");
    first.kill();
    await clock.advance(5_000);
    expect(second.calls.requests).toBe(0);
    liveness.outcome = false;
    for (let ms = 0; second.calls.requests === 0 && ms < 400; ms += 10) await clock.advance(10);
    liveness.outcome = true;
    await clock.advance(2_000);
    expect(second.calls.requests).toBe(1);
  });

  it("asks for another endpoint when the data path breaks though everything answers", async () => {
    const liveness = alive();
    const { clock, addNse, startHop, nsc, request } = await domain(liveness);
    startHop();
    const first = await addNse("nse-1");
    await request(nsc);
    const second = await addNse("nse-2");
    liveness.outcome = false;
    await clock.advance(200);
    liveness.outcome = true;
    await clock.advance(2_000);
    expect(first.calls.closes).toBe(1);
    expect(first.calls.requests + second.calls.requests).toBe(2);
  });

  it("ends with Close while it heals, with the old connection object", async () => {
    const { clock, ctx, addNse, startHop, nsc, request, network } = await domain();
    const hop = startHop();
    const nse = await addNse("nse");
    const connection = await request(nsc);
    await clock.settle();
    hop.kill();
    await clock.advance(1_000);
    await expect(nsc.close(ctx, connection)).rejects.toThrow();
    startHop();
    await clock.advance(REQUEST_TIMEOUT_MS);
    expect(nse.calls.requests).toBe(1);
    await clock.advance(LIFETIME_MS);
    expect([nse.calls.closes, network.channels]).toEqual([1, 0]);
  });

  it("repairs many connections at once, each once", async () => {
    const { clock, addNse, startHop, nsc, request } = await domain();
    startHop();
    const first = await addNse("nse-1");
    const ids = Array.from({ length: 50 }, (_, i) => `id-${i}`);
    await Promise.all(ids.map((id) => request(nsc, id)));
    const second = await addNse("nse-2");
    await clock.settle();
    first.kill();
    await clock.advance(1_000);
    expect(second.calls.uniqueRequests).toBe(50);
    expect(second.calls.requests).toBe(50);
  });
});

describe("client chain with upstream-refresh", () => {
  it("refreshes once when another client lowers the MTU of a vl3 endpoint", async () => {
    const { clock, addNse, startHop, newClient, request } = await domain();
    startHop();
    let limitBytes = 9000;
    const limited: NetworkServiceElement = {
      name: "limited",
      async request(_ctx, { connection }) {
        connection.context.MTU = Math.min(connection.context.MTU, limitBytes);
        return connection;
      },
    };
    const nse = await addNse("nse", vl3MtuServer(), limited);
    const first = await request(newClient("nsc-1"), "one");
    await clock.settle();
    limitBytes = 1500;
    await request(newClient("nsc-2"), "two");
    expect([first.context.MTU, first.state]).toEqual([9000, State.UP]);
    await clock.advance(1_000);
    expect(nse.calls.requests).toBe(3);
    expect(nse.calls.closes).toBe(0);
  });
});
