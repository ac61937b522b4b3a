// SPDX-License-Identifier: Apache-2.0
import { newMechanism, newNetworkService, newNetworkServiceEndpoint, parseInodeUrl, State } from "@nsm/api";
import {
  elementTree,
  endpointKind,
  type NetworkServiceElement,
  networkServiceKind,
  rootContext,
  silentLogger,
  start,
  startRegistry,
} from "@nsm/core";
import {
  capture,
  counter,
  MemoryNetwork,
  memoryWatchedFile,
  requestWith,
  testTokens,
  VirtualClock,
} from "@nsm/testkit";
import { connectServer } from "../../networkservice/common/connect/index.js";
import { discoverServer } from "../../networkservice/common/discover/index.js";
import { excludedPrefixesServer } from "../../networkservice/common/excluded-prefixes/index.js";
import { filterMechanismsClient } from "../../networkservice/common/filter-mechanisms/index.js";
import { mechanismTranslationClient } from "../../networkservice/common/mechanism-translation/index.js";
import { mechanismsServer } from "../../networkservice/common/mechanisms/index.js";
import { kernelClient, kernelServer } from "../../networkservice/common/mechanisms/kernel/index.js";
import { recvfdClient, recvfdServer } from "../../networkservice/common/mechanisms/recvfd/index.js";
import { sendfdClient, sendfdServer } from "../../networkservice/common/mechanisms/sendfd/index.js";
import { metricsServer } from "../../networkservice/common/metrics/index.js";
import { roundRobinServer } from "../../networkservice/common/round-robin/index.js";
import { memoryServer } from "../../registry/common/memory/index.js";
import { memoryStore } from "../../registry/stores/memory.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../utils/matching/index.js";
import { client } from "../client/index.js";
import { endpoint } from "../endpoint/index.js";
import { nsmgrNetworkService } from "./network-service.js";

/** Upstream's order behind the endpoint chain (chains/nsmgr/server.go). */
const upstreamOrder: readonly { readonly upstream: string; readonly ours: string }[] = [
  { upstream: "clientinfo", ours: "client-info-client" },
  { upstream: "discoverforwarder", ours: "discover-forwarder-server" },
  { upstream: "netsvcmonitor", ours: "net-svc-monitor-server" },
  { upstream: "excludedprefixes", ours: "excluded-prefixes-server" },
  { upstream: "recvfd", ours: "recvfd-server" },
  { upstream: "metrics", ours: "metrics-server" },
  { upstream: "connect", ours: "connect-server" },
  { upstream: "sendfd", ours: "sendfd-server" },
];

const LIFETIME_MS = 600_000;

/** What a forwarder's KERNEL element does: offers the mechanism, expects the endpoint to name its namespace. */
const kernelPreference: NetworkServiceElement = {
  name: "kernel",
  request(ctx, request, next) {
    request.mechanismPreferences.push(newMechanism("LOCAL", "KERNEL"));
    return next.request(ctx, request);
  },
};

function domain() {
  const clock = new VirtualClock();
  const ctx = rootContext({ clock, log: silentLogger });
  const network = new MemoryNetwork();
  const { descriptors } = network;
  const registries = {
    networkServices: startRegistry(memoryServer(memoryStore(networkServiceKind, matchNetworkServices))),
    endpoints: startRegistry(memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints))),
  };
  const tokens = (name: string) =>
    testTokens({ clock, subject: `spiffe://test.com/${name}`, lifetimeMs: LIFETIME_MS });
  const connector = (name: string) => network.connector({ tokens: tokens(name) });
  const url = (name: string): URL => new URL(`unix:///run/${name}.sock`);
  const common = { ctx, descriptors, registries };

  const nsmgr = nsmgrNetworkService({
    ...common,
    name: "nsmgr",
    tokens: tokens("nsmgr"),
    connector: connector("nsmgr"),
    clientInfo: { nodeName: "node-1" },
    excludedPrefixes: excludedPrefixesServer(memoryWatchedFile<readonly string[]>([])),
    metrics: metricsServer(() => {}),
  });
  network.listen(url("nsmgr"), nsmgr, ctx);

  const addEndpoint = (name: string, service: string, ...elements: NetworkServiceElement[]) => {
    const calls = counter();
    const seen = capture();
    const served = endpoint({ ctx, name, tokens: tokens(name), elements: [calls, seen, ...elements] });
    const server = network.listen(url(name), served, ctx);
    const register = registries.endpoints.register(
      ctx,
      newNetworkServiceEndpoint({
        name,
        networkServiceNames: [service],
        networkServiceLabels: { [service]: { labels: { p2p: "true" } } },
        url: url(name).href,
      }),
    );
    return { calls, seen, server, register };
  };
  const addForwarder = async (name: string) => {
    const inside = capture();
    const forwarder = addEndpoint(
      name,
      "forwarder",
      recvfdServer(),
      sendfdServer(descriptors),
      discoverServer(registries),
      roundRobinServer(),
      mechanismsServer({ KERNEL: inside }),
      connectServer(
        client({
          ctx,
          name,
          connector: connector(name),
          refresh: false,
          elements: [
            mechanismTranslationClient(),
            kernelPreference,
            filterMechanismsClient(),
            recvfdClient(),
            sendfdClient(descriptors),
          ],
        }),
      ),
    );
    await forwarder.register;
    return { ...forwarder, inside };
  };
  const addNse = async (name: string) => {
    const nse = addEndpoint(
      name,
      "icmp",
      mechanismsServer({ KERNEL: kernelServer() }),
      sendfdServer(descriptors),
    );
    await nse.register;
    return nse;
  };
  const nsc = start(
    client({
      ctx,
      name: "nsc",
      url: url("nsmgr"),
      connector: connector("nsc"),
      elements: [kernelClient({ interfaceName: "nsm-1" }), sendfdClient(descriptors)],
    }),
  );
  const addService = (partial: Parameters<typeof newNetworkService>[0] = {}) =>
    registries.networkServices.register(ctx, newNetworkService({ name: "icmp", payload: "IP", ...partial }));
  return { ...common, clock, network, nsmgr, nsc, addForwarder, addNse, addService };
}

const icmp = () => requestWith({ id: "conn-0", networkService: "icmp" });

describe("nsmgr chain", () => {
  it("has upstream's order", () => {
    const [, names] = elementTree(domain().nsmgr.networkService) as [string, unknown[]];
    const additional = names.slice(names.indexOf("trim-path-server") + 1);
    const flat = additional.map((name) => (Array.isArray(name) ? name[0] : name));
    expect(flat).toEqual(upstreamOrder.map(({ ours }) => ours));
    const connect = additional.find(Array.isArray) as [string, [string, string[]][]];
    const inner = connect[1][0]![1];
    expect(inner.slice(inner.indexOf("dial-client"))).toEqual([
      "dial-client",
      "recvfd-client",
      "sendfd-client",
      "trim-path-client",
      "connect-client",
    ]);
    expect(inner).not.toContain("refresh-client");
  });

  it("connects a client on the same node over four segments and passes descriptors both ways", async () => {
    const { nsc, ctx, addForwarder, addNse, addService, network } = domain();
    await addService();
    const forwarder = await addForwarder("fwd");
    await addNse("nse");
    const connection = await nsc.request(ctx, icmp());
    expect(connection.path.pathSegments.map(({ name }) => name)).toEqual(["nsc", "nsmgr", "fwd", "nse"]);
    expect(connection.networkServiceEndpointName).toBe("nse");
    expect(connection.labels.nodeName).toBe("node-1");
    expect(connection.mechanism?.parameters).toMatchObject({
      inodeURL: "file:///proc/thread-self/ns/net",
      name: "nsm-1",
    });
    expect(forwarder.inside.lastRequest?.connection.mechanism?.parameters.inodeURL).toMatch(
      /^file:\/\/\/proc\/1\/fd\//,
    );
    expect(forwarder.seen.lastRequest?.mechanismPreferences[0]?.parameters.inodeURL).toMatch(/^inode:/);
    expect(() => parseInodeUrl(forwarder.seen.lastResponse!.mechanism!.parameters.inodeURL!)).not.toThrow();
    expect(network.descriptors.openCount).toBe(0);
  });

  it("keeps ids, endpoint and forwarder over refreshes and closes everywhere", async () => {
    const { nsc, ctx, clock, addForwarder, addNse, addService, network } = domain();
    await addService();
    const forwarders = [await addForwarder("fwd-1"), await addForwarder("fwd-2")];
    const nses = [await addNse("nse-1"), await addNse("nse-2")];
    const connection = await nsc.request(ctx, icmp());
    await clock.advance(LIFETIME_MS * 2);
    expect(forwarders.map(({ calls }) => calls.uniqueRequests)).toEqual([1, 0]);
    expect(nses.map(({ calls }) => calls.uniqueRequests)).toEqual([1, 0]);
    expect(nses[0]!.calls.requests).toBeGreaterThan(4);
    await nsc.close(ctx, connection);
    expect(forwarders[0]!.calls.closes).toBe(1);
    expect(nses[0]!.calls.closes).toBe(1);
    await clock.settle();
    expect(clock.pendingTimers).toBe(0);
    expect(network.channels).toBe(0);
  });

  it("tries the next forwarder when the first one is gone", async () => {
    const { nsc, ctx, addForwarder, addNse, addService } = domain();
    await addService();
    const dead = await addForwarder("fwd-1");
    dead.server.kill();
    const alive = await addForwarder("fwd-2");
    await addNse("nse");
    const connection = await nsc.request(ctx, icmp());
    expect(alive.calls.requests).toBe(1);
    expect(connection.state).toBe(State.UP);
  });

  it("closes connections when the network service stops matching their endpoint", async () => {
    const { nsc, ctx, clock, addForwarder, addNse, addService } = domain();
    await addService();
    await addForwarder("fwd");
    const nse = await addNse("nse");
    await nsc.request(ctx, icmp());
    await addService({ matches: [{ routes: [{ destinationSelector: { app: "other" } }] }] });
    await clock.settle();
    expect(nse.calls.closes).toBe(1);
  });
});
