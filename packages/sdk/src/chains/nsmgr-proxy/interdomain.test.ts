// SPDX-License-Identifier: Apache-2.0
import { CommonParameter, newMechanism, newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  type Channel,
  type Context,
  findAll,
  type NetworkServiceElement,
  type NetworkServiceNext,
  type RegistryItem,
  type RegistryNext,
  start,
} from "@nsm/core";
import {
  capture,
  fakeDns,
  MemoryNetwork,
  memoryWatchedFile,
  requestWith,
  testContext,
  testTokens,
  VirtualClock,
} from "@nsm/testkit";
import { EndpointUrls } from "../../registry/common/interdomain-bypass/index.js";
import type { StringMap } from "../../utils/string-map/index.js";
import { client } from "../client/index.js";
import { endpoint } from "../endpoint/index.js";
import { registryServer } from "../registry/index.js";
import { registryProxyDns } from "../registry-proxy-dns/index.js";
import { nsmgrProxyNetworkService, nsmgrProxyRegistry } from "./index.js";

const LIFETIME_MS = 600_000;

/** Addresses that the first endpoint answers for a tunnel; upstream's vxlan mechanism does so. */
const answerTunnel: NetworkServiceElement = {
  name: "answer-tunnel",
  async request(ctx, request, next) {
    const { connection } = request;
    connection.mechanism ??= request.mechanismPreferences[0];
    if (connection.mechanism !== undefined) connection.mechanism.parameters.dst_ip = "10.0.0.1";
    return await next.request(ctx, request);
  },
};

/** Several clusters in one network and one DNS; addresses `10.<n>.0.x` inside and `80.<n>.0.x` outside. */
class World {
  readonly clock = new VirtualClock();
  readonly ctx = testContext({ clock: this.clock });
  readonly network = new MemoryNetwork();
  readonly dns = fakeDns();

  tokens(name: string) {
    return testTokens({ clock: this.clock, subject: `spiffe://td/${name}`, lifetimeMs: LIFETIME_MS });
  }

  connect(url: string): Promise<Channel> {
    return this.network
      .connector({ tokens: this.tokens("client") })
      .connect(new URL(url), { scope: "own", signal: this.ctx.signal });
  }

  /** Requests connections through one hop. */
  client(name: string, url: string): NetworkServiceNext {
    const connector = this.network.connector({ tokens: this.tokens(name) });
    return start(client({ ctx: this.ctx, name, connector, url: new URL(url), refresh: false }));
  }

  /** A cluster; with `border: false` it is only a registry for floating names. */
  cluster(n: number, { border = true } = {}) {
    const { ctx, network, dns } = this;
    const domain = `cluster${n}`;
    const inside = (host: number, port: number): URL => new URL(`tcp://10.${n}.0.${host}:${port}`);
    const part = (name: string) => {
      const tokens = this.tokens(`${name}${n}`);
      return { ctx, tokens, connector: network.connector({ tokens }) };
    };
    const registryUrl = inside(2, 5002);
    const proxyUrl = inside(4, 5004);
    const registryProxyUrl = inside(5, 5005);
    const listen = (name: string, url: URL, services: Parameters<MemoryNetwork["listen"]>[1]) =>
      network.listen(url, services, ctx, { tokens: this.tokens(`${name}${n}`) });

    listen("registry", registryUrl, registryServer({ ...part("registry"), proxyRegistryUrl: proxyUrl }));
    dns.publish(`registry.nsm-system.${domain}`, { port: 5002, addresses: [`10.${n}.0.2`] });
    listen(
      "registry-proxy",
      registryProxyUrl,
      registryProxyDns({ ...part("registry-proxy"), resolver: dns }),
    );

    const addresses = memoryWatchedFile<StringMap>(
      new Map([
        [`10.${n}.0.1`, `80.${n}.0.1`],
        [`10.${n}.0.4`, `80.${n}.0.4`],
        ["10.0.0.1", `80.${n}.0.9`],
      ]),
    );
    const endpointUrls = new EndpointUrls();
    const clusterInfo = memoryWatchedFile<StringMap>(new Map([["clusterName", domain]]));
    const shared = { addresses, clusterInfo, endpointUrls };
    const proxy = {
      ...nsmgrProxyRegistry({
        ...part("nsmgr-proxy"),
        ...shared,
        selfUrl: proxyUrl.href,
        registryProxyUrl,
      }),
      ...nsmgrProxyNetworkService({
        ...part("nsmgr-proxy"),
        ...shared,
        name: `nsmgr-proxy${n}`,
        registryUrl,
      }),
    };
    // the same process inside and behind the load balancer
    for (const url of border ? [proxyUrl, new URL(`tcp://80.${n}.0.4:5004`)] : []) {
      listen("nsmgr-proxy", url, proxy);
    }
    if (border) dns.publish(`nsmgr-proxy.nsm-system.${domain}`, { port: 5004, addresses: [`80.${n}.0.4`] });
    return { domain, registryUrl: registryUrl.href, proxyUrl: proxyUrl.href, endpointUrls };
  }

  /** A server of connections that stands for manager, forwarder and endpoint of one node. */
  node(url: string, name: string) {
    const seen = capture();
    const served = endpoint({
      ctx: this.ctx,
      name,
      tokens: this.tokens(name),
      elements: [seen, answerTunnel],
    });
    this.network.listen(new URL(url), served, this.ctx);
    return seen;
  }
}

const nse = (name: string, ...networkServiceNames: string[]) =>
  newNetworkServiceEndpoint({
    name,
    networkServiceNames,
    networkServiceLabels: Object.fromEntries(networkServiceNames.map((service) => [service, { labels: {} }])),
  });

async function one<T extends RegistryItem>(registry: RegistryNext<T>, ctx: Context, item: T): Promise<T> {
  const found = await findAll(registry, ctx, item);
  expect(found).toHaveLength(1);
  return found[0]!;
}

const vxlanRequest = (networkService: string, networkServiceEndpointName: string) =>
  requestWith({ id: "c", networkService, networkServiceEndpointName }, [
    newMechanism("REMOTE", "VXLAN", { [CommonParameter.SRC_IP]: "10.1.0.1" }),
  ]);

describe("an endpoint of another domain", () => {
  async function setUp() {
    const world = new World();
    const [first, second] = [world.cluster(1), world.cluster(2)];
    const { ctx } = world;
    const seen = world.node("tcp://10.2.0.1:5001", "nsmgr2");
    const there = await world.connect(second.registryUrl);
    await there.networkServices.register(ctx, newNetworkService({ name: "svc", payload: "IP" }));
    await there.endpoints.register(ctx, { ...nse("nse", "svc"), url: "tcp://10.2.0.1:5001" });
    const here = await world.connect(first.registryUrl);
    return { world, ctx, first, second, seen, here };
  }

  it("is found from the first registry, by the address of the own border", async () => {
    const { ctx, first, here } = await setUp();
    const service = await one(here.networkServices, ctx, newNetworkService({ name: "svc@cluster2" }));
    expect(service).toMatchObject({ name: "svc@cluster2", payload: "IP" });
    const found = await one(
      here.endpoints,
      ctx,
      newNetworkServiceEndpoint({ networkServiceNames: ["svc@cluster2"] }),
    );
    expect(found).toMatchObject({
      name: "nse@cluster2",
      networkServiceNames: ["svc@cluster2"],
      url: first.proxyUrl,
    });
    expect(Object.keys(found.networkServiceLabels)).toEqual(["svc@cluster2"]);
    expect(first.endpointUrls.get("nse@cluster2")).toBe("tcp://80.2.0.4:5004");
  });

  it("is found by its own domain's name too", async () => {
    const { world, ctx, second } = await setUp();
    const own = await world.connect(second.registryUrl);
    expect(await one(own.endpoints, ctx, nse("nse@cluster2"))).toMatchObject({ name: "nse@cluster2" });
    expect(await findAll(own.endpoints, ctx, nse("nse@cluster1"))).toEqual([]);
  });

  it("gets requests by its bare names over both borders, with tunnels between outside addresses", async () => {
    const { world, ctx, first, second, seen, here } = await setUp();
    await findAll(here.endpoints, ctx, nse("nse@cluster2"));
    const border = world.client("forwarder1", first.proxyUrl);
    const connect = async () => {
      const connection = await border.request(ctx, vxlanRequest("svc@cluster2", "nse@cluster2"));
      expect(seen.lastRequest?.connection).toMatchObject({
        networkService: "svc",
        networkServiceEndpointName: "nse",
        labels: { clusterName: "cluster2" },
      });
      expect(connection).toMatchObject({
        networkService: "svc@cluster2",
        networkServiceEndpointName: "nse@cluster2",
      });
      return connection;
    };
    const connection = await connect();
    expect(connection.path.pathSegments.map(({ name }) => name)).toEqual([
      "forwarder1",
      "nsmgr-proxy1",
      "nsmgr-proxy2",
      "nsmgr2",
    ]);
    expect(seen.lastRequest?.mechanismPreferences[0]?.parameters).toMatchObject({
      src_ip: "80.1.0.1",
      orig_src_ip: "10.1.0.1",
    });
    expect(connection.mechanism?.parameters).toMatchObject({ src_ip: "10.1.0.1", dst_ip: "80.2.0.9" });
    await border.close(ctx, connection);
    expect(seen.lastClosed).toMatchObject({ networkService: "svc", networkServiceEndpointName: "nse" });
    expect(second.endpointUrls.get("nse@cluster2")).toBeUndefined();
  });
});

describe("a floating endpoint", () => {
  async function setUp() {
    const world = new World();
    const [first, second, floating] = [
      world.cluster(1),
      world.cluster(2),
      world.cluster(3, { border: false }),
    ];
    const { ctx } = world;
    const seen = world.node("tcp://10.2.0.1:5001", "nsmgr2");
    const owner = await world.connect(second.registryUrl);
    const registered = await owner.endpoints.register(ctx, {
      ...nse("nse@cluster3", "svc@cluster3"),
      url: "tcp://10.2.0.1:5001",
    });
    return { world, ctx, first, second, floating, seen, owner, registered };
  }

  it("is registered in the third domain by bare names and the outside address of its border", async () => {
    const { world, ctx, floating, second, registered } = await setUp();
    expect(registered).toMatchObject({
      name: "nse@cluster3",
      networkServiceNames: ["svc@cluster3"],
      url: "tcp://10.2.0.1:5001",
    });
    expect(registered.pathIds.map((id) => id.replace("spiffe://td/", ""))).toEqual([
      "client",
      "registry2",
      "nsmgr-proxy2",
      "registry-proxy2",
      "registry3",
    ]);
    const there = await world.connect(floating.registryUrl);
    expect(await one(there.endpoints, ctx, nse("nse"))).toMatchObject({
      networkServiceNames: ["svc"],
      networkServiceLabels: { svc: { labels: { clusterName: "cluster2" } } },
      url: "tcp://80.2.0.4:5004",
    });
    const own = await world.connect(second.registryUrl);
    expect(await findAll(own.endpoints, ctx, nse("nse"))).toEqual([]);
  });

  it("gets requests of a third cluster with its full names, and none after it is unregistered", async () => {
    const { world, ctx, first, second, seen, owner, registered } = await setUp();
    const here = await world.connect(first.registryUrl);
    expect(await one(here.endpoints, ctx, nse("nse@cluster3"))).toMatchObject({ url: first.proxyUrl });
    const border = world.client("forwarder1", first.proxyUrl);
    await border.request(ctx, vxlanRequest("svc@cluster3", "nse@cluster3"));
    expect(seen.lastRequest?.connection).toMatchObject({
      networkService: "svc@cluster3",
      networkServiceEndpointName: "nse@cluster3",
    });
    await owner.endpoints.unregister(ctx, registered);
    expect(second.endpointUrls.get("nse@cluster3")).toBeUndefined();
    expect(await findAll(here.endpoints, ctx, nse("nse@cluster3"))).toEqual([]);
  });
});

it("equal names of two domains are registered side by side", async () => {
  const world = new World();
  const [home, ...others] = [world.cluster(1), world.cluster(2), world.cluster(3)];
  const { ctx } = world;
  const registry = await world.connect(home.registryUrl);
  const urls = ["tcp://10.1.0.1:5001", "tcp://10.1.0.1:5001"];
  for (const [i, { domain }] of others.entries()) {
    await registry.endpoints.register(ctx, { ...nse(`nse@${domain}`), url: urls[i] ?? "" });
  }
  for (const { domain } of others) {
    expect(await one(registry.endpoints, ctx, nse(`nse@${domain}`))).toMatchObject({ name: `nse@${domain}` });
  }
});
