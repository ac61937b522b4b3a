// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint, timestampFromMs } from "@nsm/api";
import { chain, endpointKind, networkServiceKind, start, startRegistry } from "@nsm/core";
import { counter, elementContract, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { memoryServer } from "../../../registry/common/memory/index.js";
import { memoryStore } from "../../../registry/stores/memory.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../../utils/matching/index.js";
import { metadataServer } from "../../utils/metadata/index.js";
import { beginServer } from "../begin/index.js";
import { netSvcMonitorServer } from "./index.js";

const LIFETIME_MS = 60_000;

function registries() {
  const services = memoryStore(networkServiceKind, matchNetworkServices);
  return {
    services,
    networkServices: startRegistry(memoryServer(services)),
    endpoints: startRegistry(memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints))),
  };
}

elementContract((clock) => netSvcMonitorServer(testContext({ clock }), registries()), {
  before: () => [beginServer(), metadataServer()],
});

async function setUp() {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const registered = registries();
  const calls = counter();
  const element = netSvcMonitorServer(ctx, registered);
  const server = start(chain("test", beginServer(), metadataServer(), element, calls));
  const setService = (app?: string, name = "ns") =>
    registered.networkServices.register(
      ctx,
      newNetworkService({
        name,
        matches: app === undefined ? [] : [{ routes: [{ destinationSelector: { app } }] }],
      }),
    );
  await setService();
  await registered.endpoints.register(
    ctx,
    newNetworkServiceEndpoint({
      name: "nse",
      networkServiceNames: ["ns"],
      networkServiceLabels: { ns: { labels: { app: "right" } } },
    }),
  );
  const request = (id = "a") =>
    requestWith({
      id,
      networkService: "ns",
      networkServiceEndpointName: "nse",
      path: { pathSegments: [{ name: "nsc", id, expires: timestampFromMs(clock.now() + LIFETIME_MS) }] },
    });
  return { clock, ctx, calls, element, server, setService, request, registered };
}

describe("net-svc-monitor server", () => {
  it("closes a connection whose endpoint does not suit the changed service, once", async () => {
    const { clock, ctx, calls, server, setService, request } = await setUp();
    await server.request(ctx, request());
    await clock.settle();
    await setService("right");
    await clock.settle();
    expect(calls.closes).toBe(0);
    await setService("wrong");
    await clock.settle();
    await setService("wronger");
    await clock.settle();
    expect(calls.closes).toBe(1);
  });

  it("does not care for other services", async () => {
    const { clock, ctx, calls, server, setService, request } = await setUp();
    await server.request(ctx, request());
    await setService("wrong", "other");
    await setService("wrong", "ns-other");
    await clock.settle();
    expect(calls.closes).toBe(0);
  });

  it("shares one watch among the connections of a service and ends it with the last of them", async () => {
    const { clock, ctx, calls, server, element, setService, request, registered } = await setUp();
    await Promise.all(["a", "b", "c"].map((id) => server.request(ctx, request(id))));
    await clock.settle();
    expect(registered.services.statistics().watchers).toBe(1);
    await server.close(ctx, request("a").connection);
    await setService("wrong");
    await clock.settle();
    expect(calls.closes).toBe(3);
    expect(element.statistics?.()).toEqual({ watches: 0, timers: 0 });
    expect(registered.services.statistics().watchers).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it("stops at the first expiry in the path, without a Close too", async () => {
    const { clock, ctx, calls, server, element, setService, request } = await setUp();
    await server.request(ctx, request());
    await clock.advance(LIFETIME_MS);
    await setService("wrong");
    await clock.settle();
    expect(calls.closes).toBe(0);
    expect(element.statistics?.()).toEqual({ watches: 0, timers: 0 });
  });

  it("opens a lost watch again after 100 ms", async () => {
    const { clock, ctx, calls, setService, request, registered } = await setUp();
    let opened = 0;
    const flaky = {
      ...registered.networkServices,
      find: (...args: Parameters<typeof registered.networkServices.find>) => {
        opened += 1;
        if (opened === 1) throw new Error("registry is away");
        return registered.networkServices.find(...args);
      },
    };
    const again = start(
      chain(
        "test",
        beginServer(),
        metadataServer(),
        netSvcMonitorServer(ctx, { ...registered, networkServices: flaky }),
        calls,
      ),
    );
    await again.request(ctx, request());
    await clock.settle();
    await setService("wrong");
    expect(calls.closes).toBe(0);
    await clock.advance(100);
    expect(calls.closes).toBe(1);
  });
});
