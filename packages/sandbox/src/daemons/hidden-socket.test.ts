// SPDX-License-Identifier: Apache-2.0
import { renameSync } from "node:fs";
import { newNetworkServiceEndpoint, parseNetworkServiceUrl } from "@nsm/api";
import { findAll } from "@nsm/core";
import { nsc } from "@nsm/daemons/nsc";
import { nse } from "@nsm/daemons/nse";
import { registryAccess } from "../chains.js";
import { Domain } from "../index.js";

const SERVICE = "icmp-responder";

let domain: Domain;
afterEach(() => domain.close());

/** A domain over sockets with an endpoint and forwarders whose sockets are at paths that nobody else knows. */
async function setUp(nodes: number) {
  domain = await Domain.create({ nodes, transport: "sockets" });
  const { manager } = domain.node(nodes);
  const endpoint = await domain.add("nse", (ports) =>
    nse(
      {
        name: "nse",
        connectTo: manager.url,
        listenOn: manager.url,
        serviceNames: [SERVICE],
        payload: "IP",
        labels: {},
        cidrGroups: [["172.16.1.0/24"]],
        ipamPolicy: "strict",
        dnsConfigs: [],
        policyRoutesPath: "policies.yaml",
        registryClientPolicies: [],
        idleTimeoutMs: 0,
        registerService: true,
        unregisterItself: true,
      },
      ports,
    ),
  );
  // as in a pod's own mount namespace: only the descriptor leads there
  for (const { url } of [endpoint, ...domain.nodes.map(({ forwarder }) => forwarder)]) {
    renameSync(url.pathname, `${url.pathname}.hidden`);
  }
  const client = () =>
    domain.add("nsc", (ports) =>
      nsc(
        {
          name: "nsc",
          connectTo: domain.node(1).manager.url,
          dialTimeoutMs: 5_000,
          requestTimeoutMs: 5_000,
          labels: {},
          networkServices: [parseNetworkServiceUrl(`kernel://${SERVICE}/nsm-1`)],
          awarenessGroups: [],
          livenessEnabled: true,
          livenessIntervalMs: 200,
          livenessTimeoutMs: 1_000,
        },
        ports,
      ),
    );
  return { endpoint, client };
}

describe("an endpoint and forwarders whose sockets no manager can see", () => {
  it.each([
    ["on one node", 1],
    ["on two nodes", 2],
  ])(
    "are reached by clients %s through the descriptors that came with their registrations",
    async (_of, nodes) => {
      const { endpoint, client } = await setUp(nodes);
      const connected = await client();
      expect(endpoint.statistics["begin-server.connections"]).toBe(1);
      await connected.stop();
      expect(endpoint.statistics["begin-server.connections"]).toBe(0);
    },
  );

  it("show other nodes the address of their manager", async () => {
    await setUp(2);
    const { ports, lifetime } = domain.newProcess("operator");
    const { endpoints } = registryAccess(ports, lifetime.ctx, domain.node(1).manager.publicUrl);
    const query = newNetworkServiceEndpoint({ networkServiceNames: [SERVICE] });
    const found = await findAll(endpoints, lifetime.ctx, query);
    expect(found.map(({ url }) => url)).toEqual([domain.node(2).manager.publicUrl.href]);
  });
});
