// SPDX-License-Identifier: Apache-2.0
import { newMechanism, parseNetworkServiceUrl } from "@nsm/api";
import type { Connection } from "@nsm/core";
import { excludedPrefixesClient } from "@nsm/sdk/networkservice/common/excluded-prefixes";
import { pointToPointIpamServer } from "@nsm/sdk/networkservice/ipam/point-to-point";
import { requestWith } from "@nsm/testkit";
import { Domain } from "../index.js";
import { callsOf, hopsOf, registryCallsOf } from "./support/calls.js";
import { addCluster, type ClusterOptions } from "./support/cluster.js";
import { closeWithoutLeftovers } from "./support/leftovers.js";

const SERVICE = "my-service";

let domain: Domain;
beforeEach(async () => {
  domain = await Domain.create({ nodes: 0 });
});
afterEach(() => closeWithoutLeftovers(domain, "closed"));

async function setUp(options: Omit<ClusterOptions, "name"> = {}) {
  const cluster = await addCluster(domain, { ...options, name: "cluster" });
  return { ...callsOf(domain), cluster, registry: registryCallsOf(domain, cluster.node(1).manager.url) };
}

describe("choice of endpoints and forwarders", () => {
  it("SBX-01 gives connections of one awareness group the same addresses, and others different ones", async () => {
    const { cluster, registry, limited, close } = await setUp();
    const node = cluster.node(1);
    const [red, friday] = [{ color: "red" }, { day: "friday" }];
    const match = (labels: Record<string, string>) => ({
      sourceSelector: labels,
      routes: [{ destinationSelector: labels }],
    });
    await registry.registerService({ name: "ns-1", matches: [match(red), match(friday)] });
    await registry.registerService({ name: "ns-2", matches: [match(red)] });
    for (const [name, service, labels] of [
      ["nse-1", "ns-1", red],
      ["nse-2", "ns-2", red],
      ["nse-3", "ns-1", friday],
    ] as const) {
      const elements = [pointToPointIpamServer(["172.16.0.96/29"])];
      await node.newEndpoint({ name, services: [service], labels, elements });
    }
    const group = ["kernel://ns-1?color=red", "kernel://ns-2?color=red"].map((url) =>
      parseNetworkServiceUrl(url),
    );
    const client = node.newClient("nsc", [excludedPrefixesClient([group])]);
    const connections: Connection[] = [];
    const addressesOf = async (id: string, networkService: string, labels: Record<string, string>) => {
      const asked = requestWith({ id, networkService, labels }, [newMechanism("LOCAL", "KERNEL", {})]);
      const connection = await limited((ctx) => client.request(ctx, asked));
      connections.push(connection);
      return connection.context.ipContext?.srcIpAddrs;
    };
    const first = await addressesOf("1", "ns-1", red);
    const second = await addressesOf("2", "ns-2", red);
    const third = await addressesOf("3", "ns-1", friday);
    expect(first).toEqual(["172.16.0.97/32"]);
    expect(second).toEqual(first);
    expect(third).toHaveLength(1);
    expect(third).not.toEqual(first);
    for (const connection of connections) await close(client, connection);
  });

  it("SBX-02 matches templates of labels against the node that both sides say they are on", async () => {
    const clientLabels = { nodeName: "the-node", podName: "the-pod", clusterName: "the-cluster" };
    const { cluster, registry, request, close } = await setUp({ clientLabels });
    const destinationSelector = { nodeName: "{{.nodeName}}" };
    await registry.registerService({ name: SERVICE, matches: [{ routes: [{ destinationSelector }] }] });
    await cluster.node(1).newEndpoint({ name: "nse", services: [SERVICE] });
    const client = cluster.node(1).newClient("nsc");
    const connection = await request(client, { id: "1", networkService: SERVICE });
    expect(connection.labels).toEqual(clientLabels);
    await close(client, connection);
    const [nse] = await registry.findEndpoints({ name: "nse" });
    expect(nse?.networkServiceLabels[SERVICE]?.labels).toEqual(clientLabels);
  });

  it.each([
    ["SBX-03", "on its own node", 1, 4, [2]],
    ["SBX-04", "on another node", 2, 6, [2, 4]],
  ])(
    "%s chooses the forwarder that a service's match asks for, and p2p without, for an endpoint %s",
    async (_id, _where, nodes, length, places) => {
      const forwarders = {
        p2mp: { p2mp: "true" },
        p2p: { p2p: "true" },
        special: { special: "true" },
      };
      const { cluster, registry, request, refresh, close } = await setUp({ nodes, forwarders });
      const service = (labels: Record<string, string>) =>
        registry.registerService({ name: SERVICE, matches: [{ metadata: { labels }, routes: [] }] });
      await service({ p2mp: "true" });
      await cluster.node(nodes).newEndpoint({ name: "nse", services: [SERVICE] });
      const client = cluster.node(1).newClient("nsc");
      const forwardersOf = (connection: Connection) => places.map((place) => hopsOf(connection)[place]);
      const ask = { id: "1", networkService: SERVICE };
      const first = await request(client, ask);
      const expected = (kind: string) => places.map((_place, index) => `${kind}-${index + 1}`);
      expect([hopsOf(first).length, forwardersOf(first)]).toEqual([length, expected("p2mp")]);
      const refreshed = await refresh(client, first);
      expect(forwardersOf(refreshed)).toEqual(expected("p2mp"));
      await close(client, refreshed);
      await service({});
      const second = await request(client, ask);
      expect([hopsOf(second).length, forwardersOf(second)]).toEqual([length, expected("p2p")]);
      await close(client, second);
    },
  );
});
