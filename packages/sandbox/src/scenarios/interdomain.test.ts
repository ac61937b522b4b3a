// SPDX-License-Identifier: Apache-2.0
import { State } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";
import { counter, type FakeDns, fakeDns } from "@nsm/testkit";
import { connectionsOf, Domain, type Entry } from "../index.js";
import { type Calls, callsOf, hopsOf, registryCallsOf } from "./support/calls.js";
import { addCluster, type Cluster } from "./support/cluster.js";
import { closeWithoutLeftovers } from "./support/leftovers.js";
import { passThrough } from "./support/pass-through.js";

const SERVICE = "my-service-interdomain";

let domain: Domain;
let dns: FakeDns;
let calls: Calls;
beforeEach(async () => {
  domain = await Domain.create({ nodes: 0 });
  dns = fakeDns();
  connections = "closed";
  calls = callsOf(domain);
});
let connections: "closed" | "lost";
afterEach(() => closeWithoutLeftovers(domain, connections));

const add = (name: string, nodes = 1) => addCluster(domain, { name, nodes, dns });
const addFloating = () => add("floating.domain", 0);
const registryOf = (cluster: Cluster) => registryCallsOf(domain, cluster.node(1).manager.url);
const namesOf = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);

/** Notes the names that requests come with. */
function names() {
  const seen: string[] = [];
  const element: NetworkServiceElement = {
    name: "names",
    request(ctx, request, next) {
      const { networkService, networkServiceEndpointName } = request.connection;
      seen.push(`${networkService} ${networkServiceEndpointName}`);
      return next.request(ctx, request);
    },
  };
  return { element, seen };
}

describe("lookups of names of other domains", () => {
  it.each([
    ["SBX-R2", "another domain", "cluster2", "cluster2"],
    ["SBX-R3", "the own domain, spelled out", "cluster1", "cluster1"],
    ["SBX-R4", "a floating registry", "cluster2", "floating.domain"],
  ])("%s find a network service of %s once, by its full name", async (_id, _what, owner, home) => {
    await addFloating();
    const clusters = [await add("cluster1"), await add("cluster2")];
    const from = clusters.find(({ name }) => name === owner)!;
    const isFloating = home === "floating.domain";
    await registryOf(from).registerService({ name: isFloating ? `ns-1@${home}` : "ns-1" });
    const found = await registryOf(clusters[0]!).findServices({ name: `ns-1@${home}` });
    expect(namesOf(found)).toEqual([`ns-1@${home}`]);
  });

  it.each([
    ["SBX-R5", "another domain", "cluster2", "cluster2"],
    ["SBX-R6", "the own domain, spelled out", "cluster1", "cluster1"],
    ["SBX-R7", "a floating registry", "cluster2", "floating.domain"],
  ])("%s find an endpoint of %s once, by its full name", async (_id, _what, owner, home) => {
    await addFloating();
    const clusters = [await add("cluster1"), await add("cluster2")];
    const from = clusters.find(({ name }) => name === owner)!;
    const suffix = home === "floating.domain" ? `@${home}` : "";
    await from.node(1).newEndpoint({ name: `nse-1${suffix}`, services: [`ns-1${suffix}`] });
    const registry = registryOf(clusters[0]!);
    const byName = await registry.findEndpoints({ name: `nse-1@${home}` });
    const byService = await registry.findEndpoints({ networkServiceNames: [`ns-1@${home}`] });
    for (const found of [byName, byService]) {
      expect(found.map(({ name, networkServiceNames }) => [name, networkServiceNames])).toEqual([
        [`nse-1@${home}`, [`ns-1@${home}`]],
      ]);
    }
  });
});

/** Requests, refreshes and closes; `probe` counts at the endpoint. Returns the hops, equal before and after. */
async function roundTrip(
  from: Cluster,
  networkService: string,
  probe: ReturnType<typeof counter>,
  client = from.node(1).newClient("nsc"),
): Promise<string[]> {
  const before = [probe.requests, probe.closes] as const;
  const connection = await calls.request(client, { id: `for-${networkService}`, networkService });
  expect(probe.requests).toBe(before[0] + 1);
  const refreshed = await calls.refresh(client, connection);
  expect(refreshed.path.pathSegments.map(({ id }) => id)).toEqual(
    connection.path.pathSegments.map(({ id }) => id),
  );
  expect([refreshed.networkService, probe.requests]).toEqual([networkService, before[0] + 2]);
  await calls.close(client, refreshed);
  expect([probe.requests, probe.closes]).toEqual([before[0] + 2, before[1] + 1]);
  return hopsOf(refreshed);
}

describe("connections to other domains", () => {
  const path = (from: string, to: string, last: string) => [
    "nsc",
    "nsmgr-1",
    "forwarder-1",
    `nsmgr-proxy-${from}`,
    `nsmgr-proxy-${to}`,
    "nsmgr-1",
    "forwarder-1",
    last,
  ];

  it("SBX-I1 pass both borders, and the endpoint sees no name of a domain", async () => {
    const [cluster1, cluster2] = [await add("cluster1"), await add("cluster2")];
    await registryOf(cluster2).registerService({ name: SERVICE });
    const [probe, seen] = [counter(), names()];
    const elements = [probe, seen.element];
    await cluster2.node(1).newEndpoint({ name: "final-endpoint", services: [SERVICE], elements });
    const hops = await roundTrip(cluster1, `${SERVICE}@cluster2`, probe);
    expect(hops).toEqual(path("cluster1", "cluster2", "final-endpoint"));
    expect(seen.seen).toEqual([`${SERVICE} final-endpoint`, `${SERVICE} final-endpoint`]);
  });

  type Parts = { readonly near: Cluster; readonly far: Cluster; readonly nse: Entry };
  it.each<[string, (parts: Parts) => Entry | undefined]>([
    ["the near border", ({ near }) => near.border],
    ["the far border", ({ far }) => far.border],
    ["the near manager", ({ near }) => near.node(1).manager],
    ["the far manager", ({ far }) => far.node(1).manager],
    ["the near forwarder", ({ near }) => near.node(1).forwarders[0]],
    ["the far forwarder", ({ far }) => far.node(1).forwarders[0]],
    ["the endpoint", ({ nse }) => nse],
  ])("SBX-I1 are repaired without their user when %s dies and comes back", async (_who, select) => {
    connections = "lost"; // of the victim
    const [near, far] = [await add("cluster1"), await add("cluster2")];
    await registryOf(far).registerService({ name: SERVICE });
    const probe = counter();
    const spec = { name: "final-endpoint", services: [SERVICE], elements: [probe] };
    const nse = await far.node(1).newEndpoint(spec);
    const client = near.node(1).newClient("nsc");
    const connection = await calls.request(client, { id: "1", networkService: `${SERVICE}@cluster2` });
    const victim = select({ near, far, nse });
    await domain.wait(victim!.kill());
    await calls.pass(1_000);
    await domain.wait(victim!.start());
    await calls.pass(10_000);
    expect(probe.requests).toBeGreaterThan(1);
    const [shown] = await connectionsOf(domain, near.node(1).manager);
    expect([shown?.state, shown?.path?.pathSegments.length]).toEqual([State.UP, 8]);
    const requests = probe.requests;
    const refreshed = await calls.refresh(client, connection);
    expect([hopsOf(refreshed), probe.requests]).toEqual([
      path("cluster1", "cluster2", "final-endpoint"),
      requests + 1,
    ]);
    await calls.close(client, refreshed);
    expect(probe.closes).toBeGreaterThan(0);
  });

  it("SBX-I2 reach the right one of two endpoints of one name, in a domain and in a floating one", async () => {
    const floating = await addFloating();
    const [cluster1, cluster2] = [await add("cluster1"), await add("cluster2")];
    const registry = registryOf(cluster2);
    await registry.registerService({ name: SERVICE });
    await registry.registerService({ name: `${SERVICE}@floating.domain` });
    const [local, global] = [counter("local"), counter("global")];
    const node = cluster2.node(1);
    const name = "final-endpoint";
    await node.newEndpoint({ name, services: [SERVICE], elements: [local] });
    await node.newEndpoint({
      name: `${name}@floating.domain`,
      services: [`${SERVICE}@floating.domain`],
      elements: [global],
    });
    const counts = [cluster2, cluster1, floating].map(async (cluster) => {
      const found = await registryCallsOf(domain, cluster.registry.publicUrl).findEndpoints({
        networkServiceNames: [SERVICE],
      });
      return found.length;
    });
    expect(await Promise.all(counts)).toEqual([1, 0, 1]);
    expect(await roundTrip(cluster1, `${SERVICE}@cluster2`, local)).toEqual(
      path("cluster1", "cluster2", name),
    );
    expect(global.requests).toBe(0);
    expect(await roundTrip(cluster1, `${SERVICE}@floating.domain`, global)).toEqual(
      path("cluster1", "cluster2", `${name}@floating.domain`),
    );
    expect(local.requests).toBe(2);
  });

  it("SBX-I3 reach two endpoints of two services on two nodes of one domain", async () => {
    const [cluster1, cluster2] = [await add("cluster1"), await add("cluster2", 2)];
    const client = cluster1.node(1).newClient("nsc");
    for (const number of [1, 2]) {
      await registryOf(cluster2).registerService({ name: `${SERVICE}-${number}` });
      const probe = counter();
      await cluster2.node(number).newEndpoint({
        name: `final-endpoint-${number}`,
        services: [`${SERVICE}-${number}`],
        elements: [probe],
      });
      const hops = await roundTrip(cluster1, `${SERVICE}-${number}@cluster2`, probe, client);
      expect(hops.slice(3)).toEqual([
        "nsmgr-proxy-cluster1",
        "nsmgr-proxy-cluster2",
        `nsmgr-${number}`,
        `forwarder-${number}`,
        `final-endpoint-${number}`,
      ]);
    }
  });

  it.each([
    ["SBX-I4", "without", SERVICE],
    ["SBX-I5", "with", `${SERVICE}@floating.domain`],
  ])("%s reach an endpoint of a floating domain that names its service %s it", async (_id, _how, service) => {
    await addFloating();
    const [cluster1, cluster2] = [await add("cluster1"), await add("cluster2")];
    await registryOf(cluster2).registerService({ name: `${SERVICE}@floating.domain` });
    const probe = counter();
    const name = "final-endpoint@floating.domain";
    await cluster2.node(1).newEndpoint({ name, services: [service], elements: [probe] });
    const hops = await roundTrip(cluster1, `${SERVICE}@floating.domain`, probe);
    expect(hops).toEqual(path("cluster1", "cluster2", name));
  });

  it("SBX-I6 reach endpoints in two domains by a floating one, among four", async () => {
    await addFloating();
    const [cluster1, cluster2, cluster3] = [
      await add("cluster1"),
      await add("cluster2"),
      await add("cluster3"),
    ];
    const client = cluster1.node(1).newClient("nsc");
    for (const cluster of [cluster2, cluster3]) {
      const service = `${SERVICE}-${cluster.name}@floating.domain`;
      await registryOf(cluster).registerService({ name: service });
      const probe = counter();
      const name = `endpoint-${cluster.name}@floating.domain`;
      await cluster.node(1).newEndpoint({ name, services: [service], elements: [probe] });
      expect(await roundTrip(cluster1, service, probe, client)).toEqual(path("cluster1", cluster.name, name));
    }
  });

  it("SBX-I7 pass through endpoints of five domains, over 36 hops, and reach all of them with Close", async () => {
    const count = 5;
    const probes: ReturnType<typeof counter>[] = [];
    const clusters: Cluster[] = [];
    for (let index = 0; index < count; index++) {
      const cluster = await add(`cluster${index}`);
      const probe = counter();
      const service = `${SERVICE}-${index}`;
      const onward = `${SERVICE}-${index - 1}@cluster${index - 1}`;
      const { url } = cluster.node(1).manager;
      await registryOf(cluster).registerService({ name: service });
      await cluster.node(1).newEndpoint({
        name: `endpoint-${index}`,
        services: [service],
        elements: index === 0 ? [probe] : [probe, passThrough(domain, `onward-${index}`, url, onward)],
      });
      clusters.push(cluster);
      probes.push(probe);
    }
    const [first] = probes;
    const from = clusters[count - 1];
    const hops = await roundTrip(from!, `${SERVICE}-${count - 1}`, first!);
    expect(hops).toHaveLength(8 * (count - 1) + 4);
    expect(hops.filter((name) => name.startsWith("endpoint-"))).toEqual(
      ["4", "3", "2", "1", "0"].map((index) => `endpoint-${index}`),
    );
    expect(probes.map(({ requests, closes }) => [requests, closes])).toEqual(probes.map(() => [2, 1]));
  }, 20_000); // many calls of many hops, on a busy machine
});
