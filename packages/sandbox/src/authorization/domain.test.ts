// SPDX-License-Identifier: Apache-2.0
import { newNetworkServiceEndpoint, parseNetworkServiceUrl } from "@nsm/api";
import { type Daemon, findAll, withCancel } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { forwarder, memoryDataplane } from "@nsm/daemons/forwarder";
import { nsc } from "@nsm/daemons/nsc";
import { nse } from "@nsm/daemons/nse";
import { nsmgr } from "@nsm/daemons/nsmgr";
import { registry } from "@nsm/daemons/registry";
import { defaultMasks, policiesFromMasks } from "@nsm/policy";
import { testIdentity } from "@nsm/testkit";
import { daemonHost } from "../test-support/daemon-host.js";

const registryUrl = new URL("tcp://registry:5002");
const socket = (name: string): URL => new URL(`unix:///run/${name}.sock`);
const LIFETIME_MS = 20_000;

/** Daemons of one domain, each with an identity of its own, under upstream's default policies. */
function domain() {
  const host = daemonHost();
  const { clock, network } = host;
  const add = async (
    name: string,
    url: URL | undefined,
    make: (ports: Ports) => Daemon | Promise<Daemon>,
  ): Promise<{ daemon: Daemon; kill: () => void }> => {
    const who = testIdentity({
      spiffeId: `spiffe://test.com/ns/x/pod/${name}`,
      clock,
      lifetimeMs: 3_600_000,
    });
    const tokens = who.tokens({ lifetimeMs: LIFETIME_MS });
    const life = withCancel(host.life.ctx);
    const daemon = await make({
      ...host.ports,
      tokens,
      connector: network.connector({ identity: who.peer, tokens }),
      policies: (masks) => policiesFromMasks(masks, { clock }),
      servedUrls: () => (url === undefined ? [] : [url]),
      signal: life.ctx.signal,
    });
    const server =
      url === undefined ? undefined : network.listen(url, daemon.services, life.ctx, { identity: who.peer });
    await host.start(daemon);
    return {
      daemon,
      kill: () => {
        server?.kill();
        life.cancel();
      },
    };
  };
  const addManager = (n: number) => {
    const manager = socket(`nsmgr-${n}`);
    return add(`nsmgr-${n}`, manager, (ports) =>
      nsmgr(
        {
          name: `nsmgr-${n}`,
          listenOn: [manager],
          registryUrl,
          dialTimeoutMs: 750,
          forwarderServiceName: "forwarder",
          publicUrl: manager,
          trustedProxies: ["spiffe://test.com/ns/x/pod/forwarder-*"],
        },
        ports,
      ),
    );
  };
  const addNode = async (n: number) => {
    const manager = socket(`nsmgr-${n}`);
    const { kill } = await addManager(n);
    await add(`forwarder-${n}`, socket(`forwarder-${n}`), (ports) =>
      forwarder(
        {
          name: `forwarder-${n}`,
          labels: { p2p: "true" },
          networkServiceName: "forwarder",
          connectTo: manager,
          listenOn: socket(`forwarder-${n}`),
          dialTimeoutMs: 750,
          tunnelIp: undefined,
          vxlanPort: 0,
          mechanismPriority: [],
          registryClientPolicies: defaultMasks.registryClient,
          cleanupOnExit: false,
          ipOverVxlan: true,
        },
        ports,
        memoryDataplane(`10.99.0.${n}`),
      ),
    );
    return { manager, kill };
  };
  const addNse = (manager: URL) =>
    add("nse", socket("nse"), (ports) =>
      nse(
        {
          name: "nse",
          connectTo: manager,
          listenOn: socket("nse"),
          serviceNames: ["service"],
          payload: "ETHERNET",
          labels: {},
          cidrGroups: [["172.16.0.0/24"]],
          ipamPolicy: "polite",
          dnsConfigs: [],
          policyRoutesPath: "/none.yaml",
          registryClientPolicies: defaultMasks.registryClient,
          idleTimeoutMs: 0,
          registerService: true,
          unregisterItself: true,
        },
        ports,
      ),
    );
  const addNsc = (manager: URL) =>
    add("nsc", undefined, (ports) =>
      nsc(
        {
          name: "nsc",
          connectTo: manager,
          dialTimeoutMs: 5_000,
          requestTimeoutMs: 15_000,
          labels: {},
          networkServices: [parseNetworkServiceUrl("kernel://service/nsm-1")],
          awarenessGroups: [],
          livenessEnabled: true,
          livenessIntervalMs: 200,
          livenessTimeoutMs: 1000,
        },
        ports,
      ),
    );
  return { host, add, addManager, addNode, addNse, addNsc };
}

const connections = ({ statistics }: Daemon): number | undefined =>
  statistics?.()["begin-server.connections"];

describe.each([
  ["one node", 1],
  ["two nodes", 2],
])("under the default policies on %s", (_title, nodes) => {
  async function setUp() {
    const parts = domain();
    await parts.add("registry", registryUrl, (ports) =>
      registry(
        {
          listenOn: [registryUrl],
          proxyRegistryUrl: undefined,
          trustedProxies: ["spiffe://test.com/ns/x/pod/nsmgr-*"],
        },
        ports,
      ),
    );
    const first = await parts.addNode(1);
    const last = nodes === 1 ? first : await parts.addNode(2);
    const endpoint = await parts.addNse(last.manager);
    const client = await parts.addNsc(first.manager);
    return { ...parts, first, endpoint, client };
  }

  it("a client connects through all daemons, stays for many lifetimes of its token, and leaves", async () => {
    const { host, endpoint, client } = await setUp();
    expect(connections(endpoint.daemon)).toBe(1);
    for (let i = 0; i < 4; i++) {
      await host.clock.advance(LIFETIME_MS);
      expect(connections(endpoint.daemon)).toBe(1);
    }
    await host.stop(client.daemon);
    expect(connections(endpoint.daemon)).toBe(0);
    expect(host.complaints).toEqual([]);
  });

  it("the connection of a client that is killed is gone one lifetime of its token later", async () => {
    const { host, endpoint, client } = await setUp();
    client.kill();
    await host.clock.advance(LIFETIME_MS);
    expect(connections(endpoint.daemon)).toBe(0);
  });

  it("a manager that comes back with a new certificate is gone on with", async () => {
    const { host, endpoint, client, first, addManager } = await setUp();
    first.kill();
    await host.clock.advance(1_000);
    const { daemon } = await addManager(1);
    await host.clock.advance(2 * LIFETIME_MS);
    expect([connections(daemon), connections(endpoint.daemon)]).toEqual([1, 1]);
    await host.stop(client.daemon);
    expect([connections(daemon), connections(endpoint.daemon)]).toEqual([0, 0]);
  });

  it("an endpoint that is killed leaves the registry, and its name is free", async () => {
    const { host, endpoint, first, addNse } = await setUp();
    const left = async () => {
      const channel = await host.network.connector().connect(registryUrl, {
        scope: "own",
        signal: host.life.ctx.signal,
      });
      const query = newNetworkServiceEndpoint({ networkServiceNames: ["service"] });
      return (await findAll(channel.endpoints, host.life.ctx, query)).length;
    };
    endpoint.kill();
    expect(await left()).toBe(1);
    await host.clock.advance(LIFETIME_MS);
    expect(await left()).toBe(0);
    await addNse(first.manager);
    expect(await left()).toBe(1);
  });
});
