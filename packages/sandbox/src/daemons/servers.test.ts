// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { type Channel, type Context, type Daemon, findAll } from "@nsm/core";
import { forwarder, memoryDataplane } from "@nsm/daemons/forwarder";
import { type NsmgrConfig, nsmgr } from "@nsm/daemons/nsmgr";
import { registry } from "@nsm/daemons/registry";
import { registryCapture, registryInjectError } from "@nsm/testkit";
import { type DaemonHost, daemonHost, managerUrl, nothing, servedUrl } from "../test-support/daemon-host.js";

const registryUrl = new URL("unix:///registry.sock");
const publicUrl = new URL("tcp://node-1:5001");

const channelTo = ({ ports, life }: DaemonHost, url: URL): Promise<Channel> =>
  ports.connector.connect(url, { scope: "own", signal: life.ctx.signal });

const endpoint = (name: string, url = "unix:///nse.sock"): NetworkServiceEndpoint =>
  newNetworkServiceEndpoint({ name, url, networkServiceNames: ["icmp"] });

async function endpointsAt(channel: Channel, ctx: Context): Promise<[name: string, url: string][]> {
  const query = newNetworkServiceEndpoint({ networkServiceNames: ["icmp"] });
  return (await findAll(channel.endpoints, ctx, query)).map(({ name, url }) => [name, url]);
}

const newManager = (
  host: DaemonHost,
  upper: URL | undefined,
  settings: Partial<NsmgrConfig> = { socketDirectories: ["/"] },
): Daemon =>
  nsmgr(
    {
      name: "nsmgr-1",
      listenOn: [managerUrl, publicUrl],
      ...settings,
      registryUrl: upper,
      dialTimeoutMs: 1_000,
      forwarderServiceName: "forwarder",
      publicUrl,
    },
    host.ports,
  );

describe("registry", () => {
  it("serves both registries and nothing else", async () => {
    const host = daemonHost();
    const daemon = registry({ listenOn: [registryUrl], proxyRegistryUrl: undefined }, host.ports);
    expect(Object.keys(daemon.services).sort()).toEqual(["endpoints", "networkServices"]);
    host.serve(registryUrl, daemon.services);
    const channel = await channelTo(host, registryUrl);
    await channel.endpoints.register(host.life.ctx, endpoint("nse"));
    expect(await endpointsAt(channel, host.life.ctx)).toEqual([["nse", "unix:///nse.sock"]]);
    channel.close();
    expect(await host.stop(daemon)).toEqual(nothing);
  });
});

describe("nsmgr", () => {
  it.each<[title: string, settings: Partial<NsmgrConfig>, taken: string[]]>([
    [
      "those of its own sockets",
      { listenOn: [new URL("unix:///run/nsm/nsmgr.sock")] },
      ["unix:///run/nsm/a"],
    ],
    ["its settings name", { socketDirectories: ["/srv"] }, ["unix:///srv/a"]],
    ["the root stands for nothing", { listenOn: [managerUrl, publicUrl] }, []],
    ["there is none", { socketDirectories: [] }, []],
  ])("T9 takes sockets by path only below directories: %s", async (_title, settings, taken) => {
    const host = daemonHost();
    host.serve(managerUrl, newManager(host, undefined, settings).services);
    const channel = await channelTo(host, managerUrl);
    const urls = ["unix:///run/docker.sock", "unix:///run/nsm/a", "unix:///srv/a", "unix:///nse.sock"];
    const registered = await Promise.allSettled(
      urls.map((url) => channel.endpoints.register(host.life.ctx, endpoint(url.replace(/^.*\//, ""), url))),
    );
    expect(urls.filter((_url, i) => registered[i]?.status === "fulfilled")).toEqual(taken);
  });

  it("serves connections, monitor and both registries", () => {
    expect(Object.keys(newManager(daemonHost(), registryUrl).services).sort()).toEqual([
      "endpoints",
      "monitor",
      "networkService",
      "networkServices",
    ]);
  });

  it("registers endpoints of its node at the registry under its own public address", async () => {
    const host = daemonHost();
    const upper = registryCapture<NetworkServiceEndpoint>();
    host.serve(registryUrl, { endpoints: upper });
    const daemon = newManager(host, registryUrl);
    host.serve(managerUrl, daemon.services);
    const channel = await channelTo(host, managerUrl);
    await host.clock.waitFor(channel.endpoints.register(host.life.ctx, endpoint("nse")));
    expect(upper.registered.map(({ name, url }) => [name, url])).toEqual([["nse", publicUrl.href]]);
    channel.close();
    expect(await host.stop(daemon)).toEqual(nothing);
  });

  it("keeps registrations itself when there is no registry", async () => {
    const host = daemonHost();
    const daemon = newManager(host, undefined);
    host.serve(managerUrl, daemon.services);
    const channel = await channelTo(host, managerUrl);
    const { ctx } = host.life;
    await host.clock.waitFor(channel.endpoints.register(ctx, endpoint("nse")));
    expect((await endpointsAt(channel, ctx)).map(([name]) => name)).toEqual(["nse"]);
    channel.close();
    expect(await host.stop(daemon)).toEqual(nothing);
  });
});

describe("forwarder", () => {
  function setUp(refusing = false) {
    const host = daemonHost();
    const seen = registryCapture<NetworkServiceEndpoint>();
    const refusal = registryInjectError<NetworkServiceEndpoint>({ register: [], unregister: [-1] });
    host.serve(managerUrl, { endpoints: refusing ? refusal : seen });
    const config = {
      name: "forwarder-node-1",
      labels: { p2p: "true" },
      networkServiceName: "forwarder",
      connectTo: managerUrl,
      listenOn: new URL("unix:///configured.sock"),
      dialTimeoutMs: 750,
      tunnelIp: undefined,
      vxlanPort: 0,
      mechanismPriority: [],
      registryClientPolicies: [],
      cleanupOnExit: false,
      ipOverVxlan: true,
    };
    return { host, seen, making: forwarder(config, host.ports, memoryDataplane("10.99.0.1")) };
  }

  it("serves connections and monitor, and registers at its manager until it is stopped", async () => {
    const { making, seen, host } = setUp();
    const daemon = await making;
    expect(Object.keys(daemon.services).sort()).toEqual(["monitor", "networkService"]);
    await host.start(daemon);
    expect(seen.registered[0]).toMatchObject({
      name: "forwarder-node-1",
      networkServiceNames: ["forwarder"],
      networkServiceLabels: { forwarder: { labels: { p2p: "true" } } },
      url: await host.socketUrlOf(servedUrl),
    });
    expect(await host.stop(daemon)).toEqual(nothing);
    expect(seen.unregistered.map(({ name }) => name)).toEqual(["forwarder-node-1"]);
  });

  it("ends even when it cannot unregister, and says so", async () => {
    const { making, host } = setUp(true);
    const daemon = await making;
    await host.start(daemon);
    expect(await host.stop(daemon)).toEqual(nothing);
    expect(host.complaints.at(-1)).toBe(
      "warn forwarder was not unregistered, it will expire: context deadline exceeded",
    );
  });
});
