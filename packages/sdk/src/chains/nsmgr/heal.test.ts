// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  endpointKind,
  type Liveness,
  type NetworkServiceElement,
  networkServiceKind,
  start,
  startRegistry,
} from "@nsm/core";
import { capture, MemoryNetwork, requestWith, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { type Reselect, reselectAnyEndpoint } from "../../networkservice/common/begin/index.js";
import { connectServer } from "../../networkservice/common/connect/index.js";
import { discoverServer } from "../../networkservice/common/discover/index.js";
import { healClient } from "../../networkservice/common/heal/index.js";
import { roundRobinServer } from "../../networkservice/common/round-robin/index.js";
import { memoryServer } from "../../registry/common/memory/index.js";
import { memoryStore } from "../../registry/stores/memory.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../utils/matching/index.js";
import { client } from "../client/index.js";
import { endpoint } from "../endpoint/index.js";
import { nsmgrNetworkService } from "./network-service.js";

const LIFETIME_MS = 60_000;
const url = (name: string): URL => new URL(`unix:///run/${name}.sock`);

/** One node: client with heal, manager, forwarders, endpoint. `log` has the calls of all of them in order. */
async function node(options: { liveness?: Liveness; reselect?: Reselect } = {}) {
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
  const log: string[] = [];
  const logged = (name: string): NetworkServiceElement => ({
    name: "logged",
    request(callCtx, request, next) {
      log.push(`${name} request`);
      return next.request(callCtx, request);
    },
    close(callCtx, connection, next) {
      log.push(`${name} close`);
      return next.close(callCtx, connection);
    },
  });
  const register = (name: string, service: string) =>
    registries.endpoints.register(
      ctx,
      newNetworkServiceEndpoint({
        name,
        networkServiceNames: [service],
        networkServiceLabels: { [service]: { labels: { p2p: "true" } } },
        url: url(name).href,
      }),
    );
  const startNsmgr = () => {
    const nsmgr = nsmgrNetworkService({
      ctx,
      registries,
      descriptors: network.descriptors,
      name: "nsmgr",
      tokens: tokens("nsmgr"),
      connector: connector("nsmgr"),
    });
    return network.listen(url("nsmgr"), nsmgr, ctx);
  };
  const startForwarder = async (name: string) => {
    const toEndpoint = client({ ctx, name, connector: connector(name), refresh: false });
    const elements = [
      logged(name),
      discoverServer(registries),
      roundRobinServer(),
      connectServer(toEndpoint),
    ];
    await register(name, "forwarder");
    return network.listen(url(name), endpoint({ ctx, name, tokens: tokens(name), elements }), ctx);
  };
  const startNse = async (name: string) => {
    const seen = capture();
    const served = endpoint({ ctx, name, tokens: tokens(name), elements: [logged(name), seen] });
    await register(name, "ns");
    return { seen, server: network.listen(url(name), served, ctx) };
  };
  const { liveness, reselect } = options;
  const nsc = start(
    client({
      ctx,
      name: "nsc",
      url: url("nsmgr"),
      connector: connector("nsc"),
      heal: healClient(ctx, liveness === undefined ? {} : { liveness }),
      ...(reselect === undefined ? {} : { reselect }),
    }),
  );
  const request = () =>
    nsc.request(testContext({ clock, timeoutMs: 5_000 }), requestWith({ id: "id-0", networkService: "ns" }));
  /** The calls since the last look. */
  const calls = () => log.splice(0);
  return { clock, ctx, network, startNsmgr, startForwarder, startNse, nsc, request, calls };
}

const alive: Liveness = { alive: async () => true };

describe("node with a client that heals", () => {
  it("goes through another forwarder when the first one dies (heal_test.go)", async () => {
    const { clock, ctx, startNsmgr, startForwarder, startNse, nsc, request, calls, network } = await node();
    startNsmgr();
    const first = await startForwarder("fwd-1");
    await startNse("nse");
    const connection = await request();
    expect(calls()).toEqual(["fwd-1 request", "nse request"]);
    await startForwarder("fwd-2");
    first.kill();
    await clock.advance(200);
    expect(calls().filter((call) => call.endsWith("request"))).toEqual(["fwd-2 request", "nse request"]);
    await nsc.close(ctx, connection);
    expect(calls()).toEqual(["fwd-2 close", "nse close"]);
    await clock.advance(LIFETIME_MS * 2);
    expect(network.channels).toBe(0);
  });

  it("has a surviving forwarder closed exactly once before the new Request when the manager restarts", async () => {
    const { clock, startNsmgr, startForwarder, startNse, request, calls } = await node();
    const nsmgr = startNsmgr();
    await startForwarder("fwd");
    await startNse("nse");
    await request();
    await clock.settle();
    calls();
    nsmgr.kill();
    await clock.advance(1_000);
    startNsmgr();
    await clock.advance(300);
    expect(calls()).toEqual(["fwd close", "nse close", "fwd request", "nse request"]);
  });

  it("keeps forwarder and endpoint over ten restarts of the manager while the data path is alive", async () => {
    const { clock, startNsmgr, startForwarder, startNse, request, calls } = await node({ liveness: alive });
    let nsmgr = startNsmgr();
    await startForwarder("fwd-1");
    await startNse("nse");
    await request();
    await startForwarder("fwd-0");
    for (let i = 0; i < 10; i++) {
      await clock.settle();
      calls();
      nsmgr.kill();
      await clock.advance(500);
      nsmgr = startNsmgr();
      await clock.advance(300);
      expect(calls()).toEqual(["fwd-1 request", "nse request"]);
    }
  });

  it("heals within 2 s each time the forwarder is killed in the middle of a refresh", async () => {
    const { clock, startNsmgr, startForwarder, startNse, request, calls } = await node();
    startNsmgr();
    let forwarder = await startForwarder("fwd");
    await startNse("nse");
    await request();
    for (let i = 0; i < 15; i++) {
      await clock.settle();
      calls();
      forwarder.pause(); // the next refresh hangs in it
      await clock.advance(LIFETIME_MS / 5 + 100);
      forwarder.kill();
      await clock.advance(200);
      forwarder = await startForwarder("fwd");
      await clock.advance(2_000);
      expect(calls().filter((call) => call === "nse request").length).toBeGreaterThanOrEqual(1);
    }
  });

  it("asks as the custom reselection says", async () => {
    const reselect: Reselect = (request) => {
      reselectAnyEndpoint(request);
      request.connection.labels.reselected = "true";
    };
    const { clock, startNsmgr, startForwarder, startNse, request } = await node({ reselect });
    startNsmgr();
    await startForwarder("fwd");
    const first = await startNse("nse-1");
    await request();
    const second = await startNse("nse-2");
    first.server.kill();
    await clock.advance(200);
    expect(second.seen.lastRequest?.connection.labels).toEqual({ reselected: "true" });
  });
});
