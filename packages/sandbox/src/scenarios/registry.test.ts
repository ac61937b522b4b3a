// SPDX-License-Identifier: Apache-2.0
import { type NetworkService, newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import { Code, networkServiceKind, start, startRegistry, withTimeout } from "@nsm/core";
import { policiesFromMasks } from "@nsm/policy";
import { client } from "@nsm/sdk/chains/client";
import { nsmgrRegistry } from "@nsm/sdk/chains/nsmgr";
import { registryServer } from "@nsm/sdk/chains/registry";
import { registryClient } from "@nsm/sdk/chains/registry-client";
import { kernelClient } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdClient } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { counter, MemoryNetwork, testContext, testIdentity, VirtualClock } from "@nsm/testkit";
import { registryAccess } from "../chains.js";
import { Domain } from "../index.js";
import { callsOf, registryCallsOf } from "./support/calls.js";
import { closeWithoutLeftovers } from "./support/leftovers.js";

const SERVICE = "my-service";
/** Upstream's default masks name the whole folder; this is the one rule of it that decides here. */
const CLIENT_ALLOWED = ["etc/nsm/opa/registry/client_allowed.rego"];

describe("a domain's registry", () => {
  let domain: Domain;
  afterEach(() => closeWithoutLeftovers(domain, "lost"));

  it("SBX-R1 keeps a network service without payload as one of payload IP", async () => {
    domain = await Domain.create({ nodes: 1 });
    const registry = registryCallsOf(domain, domain.node(1).manager.url);
    await registry.registerService({ name: "plain" });
    await registry.registerService({ name: "frames", payload: "ETHERNET" });
    const found = await Promise.all(["plain", "frames"].map((name) => registry.findServices({ name })));
    expect(found.flat().map(({ name, payload }) => [name, payload])).toEqual([
      ["plain", "IP"],
      ["frames", "ETHERNET"],
    ]);
  });

  it("SBX-07 has a connection closed once, by the endpoint's side, when its client has gone silent", async () => {
    domain = await Domain.create({ nodes: 1, tokenLifetimeMs: 2_000 });
    const { request, pass } = callsOf(domain);
    await domain.registerService(SERVICE);
    const calls = counter();
    await domain.node(1).newEndpoint({ name: "nse", services: [SERVICE], elements: [calls] });
    const { ports, lifetime } = domain.newProcess("nsc");
    const { connector, descriptors } = ports;
    const { url } = domain.node(1).manager;
    const elements = [kernelClient(), sendfdClient(descriptors)];
    const silent = start(
      client({ ctx: lifetime.ctx, name: "nsc", url, connector, refresh: false, elements }),
    );
    await request(silent, { id: "1", networkService: SERVICE }, 1_500);
    expect([calls.requests, calls.closes]).toEqual([1, 0]);
    await pass(2_000);
    expect([calls.requests, calls.closes]).toEqual([1, 1]);
    await pass(60_000);
    expect([calls.requests, calls.closes]).toEqual([1, 1]);
  });

  it("SBX-08 forgets an endpoint that does not renew its registration when its token ends", async () => {
    domain = await Domain.create({ nodes: 1, tokenLifetimeMs: 2_000 });
    const { limited, pass } = callsOf(domain);
    const { ports, lifetime } = domain.newProcess("nse");
    const { url } = domain.node(1).manager;
    const nse = registryAccess(ports, lifetime.ctx, url);
    const item = newNetworkServiceEndpoint({ name: "nse", networkServiceNames: [SERVICE], url: "tcp://nse" });
    await limited((ctx) => nse.endpoints.register(ctx, item), 1_500);
    lifetime.cancel(); // it will not renew
    const registry = registryCallsOf(domain, url);
    const names = async () => (await registry.findEndpoints({ name: "nse" })).map(({ name }) => name);
    expect(await names()).toEqual(["nse"]);
    await pass(2_000);
    expect(await names()).toEqual([]);
  });

  it("SBX-68 is watched through a manager that restarts, without loss of what is registered afterwards", async () => {
    domain = await Domain.create({ nodes: 1 });
    const { pass } = callsOf(domain);
    const { manager } = domain.node(1);
    const { ports, lifetime } = domain.newProcess("watcher");
    const watcher = registryAccess(ports, lifetime.ctx, manager.url);
    const seen = { services: new Set<string>(), endpoints: new Set<string>() };
    const watch = async (names: Set<string>, found: AsyncIterable<{ item: { name: string } }>) => {
      for await (const { item } of found) names.add(item.name);
    };
    const { ctx } = lifetime;
    const watches = [
      watch(seen.services, watcher.networkServices.find(ctx, { item: newNetworkService(), watch: true })),
      watch(seen.endpoints, watcher.endpoints.find(ctx, { item: newNetworkServiceEndpoint(), watch: true })),
    ];
    await pass(100);
    expect([...seen.services, ...seen.endpoints]).toEqual(["forwarder-node-1"]);
    seen.endpoints.clear();
    await domain.wait(manager.restart());
    await pass(5_000);
    await domain.registerService("ns");
    await domain.node(1).newEndpoint({ name: "nse", services: ["ns"] });
    await pass(1_000);
    expect([...seen.services]).toEqual(["ns"]);
    expect([...seen.endpoints].sort()).toEqual(["forwarder-node-1", "nse"]);
    lifetime.cancel();
    expect((await domain.wait(Promise.allSettled(watches))).length).toBe(2);
  });
});

describe("names of network services under upstream's policy client_allowed", () => {
  /** A manager and a registry that ask the policy, and two clients of the manager with identities of their own. */
  function setUp() {
    const clock = new VirtualClock();
    const ctx = testContext({ clock });
    const network = new MemoryNetwork();
    const identity = (name: string) => testIdentity({ spiffeId: `spiffe://test.com/${name}`, clock });
    const [nsmgr, registry] = [identity("nsmgr"), identity("registry")];
    const authorizeServer = policiesFromMasks(CLIENT_ALLOWED, { clock });
    const [managerUrl, registryUrl] = [new URL("unix:///nsmgr.sock"), new URL("tcp://registry:5002")];
    const connectorOf = (who: typeof nsmgr) =>
      network.connector({ identity: who.peer, tokens: who.tokens() });
    const registries = registryServer({
      ctx,
      tokens: registry.tokens(),
      connector: connectorOf(registry),
      authorizeServer,
    });
    network.listen(registryUrl, registries, ctx, { identity: registry.peer });
    const manager = nsmgrRegistry({
      ctx,
      tokens: nsmgr.tokens(),
      connector: connectorOf(nsmgr),
      authorizeServer,
      managerUrl: "tcp://nsmgr:5001",
      registryUrl,
    });
    network.listen(managerUrl, manager, ctx, { identity: nsmgr.peer });
    const clientOf = (name: string) => {
      const connector = connectorOf(identity(name));
      const options = { ctx, connector, url: managerUrl, retry: false, heal: false } as const;
      const access = startRegistry(registryClient<NetworkService>(networkServiceKind, options));
      const limited = <T>(work: Promise<T>) => clock.waitFor(work);
      const timeout = () => withTimeout(ctx, 1_000).ctx;
      return {
        register: (service: string) =>
          limited(access.register(timeout(), newNetworkService({ name: service }))),
        unregister: (service: string) =>
          limited(access.unregister(timeout(), newNetworkService({ name: service }))),
      };
    };
    return { first: clientOf("id-1"), second: clientOf("id-2") };
  }

  it("SBX-05 belong to the identity that registered them first, until it gives them back", async () => {
    const { first, second } = setUp();
    await first.register("ns-1");
    await expect(second.register("ns-1")).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    await second.register("ns-2");
    await first.register("ns-1");
    await expect(second.unregister("ns-1")).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    await first.unregister("ns-1");
    await second.register("ns-1");
  });
});
