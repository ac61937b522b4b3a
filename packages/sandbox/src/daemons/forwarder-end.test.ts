// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import { chain } from "@nsm/core";
import { forwarder, memoryDataplane } from "@nsm/daemons/forwarder";
import { registry } from "@nsm/daemons/registry";
import { endpoint } from "@nsm/sdk/chains/endpoint";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { counter, requestWith } from "@nsm/testkit";
import { sandboxClient } from "../chains.js";
import { daemonHost, managerUrl, nothing, servedUrl } from "../test-support/daemon-host.js";

const endpointUrl = new URL("tcp://nse:5003");

/** A forwarder with three connections to one endpoint. */
async function setUp(cleanupOnExit: boolean) {
  const host = daemonHost();
  const { ports, life, clock, serve } = host;
  serve(managerUrl, registry({ listenOn: [managerUrl], proxyRegistryUrl: undefined }, ports).services);
  const calls = counter();
  serve(
    endpointUrl,
    endpoint({
      ctx: life.ctx,
      tokens: ports.tokens,
      name: "nse",
      elements: [calls, mechanismsServer({ VXLAN: chain("vxlan") })],
    }),
  );
  const manager = await ports.connector.connect(managerUrl, { scope: "own", signal: life.ctx.signal });
  await manager.networkServices.register(life.ctx, newNetworkService({ name: "icmp", payload: "IP" }));
  await manager.endpoints.register(
    life.ctx,
    newNetworkServiceEndpoint({ name: "nse", networkServiceNames: ["icmp"], url: endpointUrl.href }),
  );
  manager.close();
  let opened = true;
  const memory = memoryDataplane("10.99.0.1");
  const close = (): void => {
    opened = false;
  };
  const config = {
    name: "forwarder",
    labels: { p2p: "true" },
    networkServiceName: "forwarder",
    connectTo: managerUrl,
    listenOn: servedUrl,
    dialTimeoutMs: 750,
    tunnelIp: undefined,
    vxlanPort: 0,
    mechanismPriority: [],
    registryClientPolicies: [],
    cleanupOnExit,
    ipOverVxlan: true,
  };
  const daemon = await forwarder(config, ports, { ...memory, close });
  serve(servedUrl, daemon.services);
  await host.start(daemon);
  const client = sandboxClient("nsc", servedUrl, {}, ports, life.ctx);
  for (const id of ["a", "b", "c"]) {
    await clock.waitFor(client.request(life.ctx, requestWith({ id, networkService: "icmp" })));
  }
  return { ...host, daemon, calls, memory, isOpen: () => opened };
}

describe("a forwarder that ends", () => {
  it("leaves links as they are, for the one that follows", async () => {
    const { daemon, stop, calls, memory, isOpen } = await setUp(false);
    const links = [...memory.links];
    expect(links).toHaveLength(6);
    await stop(daemon);
    expect([[...memory.links], calls.closes, isOpen()]).toEqual([links, 0, false]);
  });

  it("removes all links when it is told to, before it closes its data plane, and tells nobody", async () => {
    const { daemon, stop, calls, memory, isOpen, complaints } = await setUp(true);
    const left = await stop(daemon);
    expect([memory.links.size, memory.joints.size, calls.closes, isOpen()]).toEqual([0, 0, 0, false]);
    expect(left).toMatchObject({ descriptors: nothing.descriptors });
    expect(complaints).toEqual([]);
  });
});
