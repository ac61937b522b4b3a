// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from "node:url";
import {
  type ConnectionEvent,
  MetadataKey,
  MonitorScopeSelector,
  newNetworkService,
  newNetworkServiceEndpoint,
} from "@nsm/api";
import {
  type Channel,
  Code,
  type Context,
  type Daemon,
  elementTree,
  findAll,
  newOutgoingCall,
  outgoingCall,
  type Policy,
  type Services,
  statusOf,
  withTimeout,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { type ForwarderConfig, forwarder, memoryDataplane } from "@nsm/daemons/forwarder";
import { type NseConfig, nse } from "@nsm/daemons/nse";
import { type NsmgrConfig, nsmgr } from "@nsm/daemons/nsmgr";
import { type NsmgrProxyConfig, nsmgrProxy } from "@nsm/daemons/nsmgr-proxy";
import { type RegistryConfig, registry } from "@nsm/daemons/registry";
import { registryProxyDns } from "@nsm/daemons/registry-proxy-dns";
import { defaultMasks, policiesFromMasks } from "@nsm/policy";
import { requestWith, type TestIdentity, testIdentity } from "@nsm/testkit";
import { type DaemonHost, daemonHost } from "../test-support/daemon-host.js";

const url = new URL("tcp://10.0.0.1:5001");
const none = ["none"];

const nsmgrConfig: NsmgrConfig = {
  name: "nsmgr",
  listenOn: [url],
  registryUrl: new URL("tcp://registry:5002"),
  dialTimeoutMs: 750,
  forwarderServiceName: "forwarder",
  publicUrl: url,
};
const registryConfig: RegistryConfig = { listenOn: [url], proxyRegistryUrl: new URL("tcp://proxy:5004") };
const borderConfig: NsmgrProxyConfig = {
  name: "nsmgr-proxy",
  listenOn: [url],
  mapIpFilePath: "map-ip.yaml",
  clusterInfoFilePath: "/etc/clusterinfo/config.yaml",
  registryUrl: undefined,
  registryProxyUrl: new URL("tcp://registry-proxy:5005"),
  publicUrl: url,
};

type Make = (ports: Ports) => Daemon | Promise<Daemon>;

const makeForwarder = (ports: Ports, more: Partial<ForwarderConfig> = {}): Promise<Daemon> =>
  forwarder(
    {
      name: "forwarder",
      labels: {},
      networkServiceName: "forwarder",
      connectTo: new URL("unix:///nsm.io.sock"),
      listenOn: url,
      dialTimeoutMs: 750,
      tunnelIp: undefined,
      vxlanPort: 0,
      mechanismPriority: [],
      registryClientPolicies: defaultMasks.registryClient,
      cleanupOnExit: false,
      ipOverVxlan: true,
      ...more,
    },
    ports,
    memoryDataplane("10.99.0.1"),
  );

const makeNse = (ports: Ports, more: Partial<NseConfig> = {}): Daemon =>
  nse(
    {
      name: "nse",
      connectTo: new URL("unix:///nsm.io.sock"),
      listenOn: url,
      serviceNames: ["ns"],
      payload: "IP",
      labels: {},
      cidrGroups: [],
      ipamPolicy: "polite",
      dnsConfigs: [],
      policyRoutesPath: "policies.yaml",
      registryClientPolicies: defaultMasks.registryClient,
      idleTimeoutMs: 0,
      registerService: true,
      unregisterItself: false,
      ...more,
    },
    ports,
  );

const daemons: Readonly<Record<string, Make>> = {
  nsmgr: (ports) => nsmgr(nsmgrConfig, ports),
  registry: (ports) => registry(registryConfig, ports),
  "registry-proxy-dns": (ports) => registryProxyDns({ listenOn: [url] }, ports),
  "nsmgr-proxy": (ports) => nsmgrProxy(borderConfig, ports),
  forwarder: (ports) => makeForwarder(ports),
  nse: (ports) => makeNse(ports),
};

/** How often each check stands in a service's chain. */
function checksIn({ networkService, networkServices, endpoints }: Services): Record<string, number[]> {
  const counts = (word: string) =>
    [networkService, networkServices, endpoints].flatMap((element) =>
      element === undefined ? [] : [JSON.stringify(elementTree(element)).split(`"${word}"`).length - 1],
    );
  return { server: counts("authorize-server"), client: counts("authorize-client") };
}

describe("daemons with an identity", () => {
  it.each<[name: string, masks: (readonly string[])[], server: number[], client: number[]]>([
    [
      "nsmgr",
      [defaultMasks.registryServer, defaultMasks.registryClient, none, defaultMasks.networkServiceServer],
      [1, 1, 1],
      [0, 1, 1],
    ],
    ["registry", [defaultMasks.registryServer, defaultMasks.registryClient], [1, 1], [1, 1]],
    ["registry-proxy-dns", [defaultMasks.registryServer, defaultMasks.registryClient], [1, 1], [1, 1]],
    [
      "nsmgr-proxy",
      [defaultMasks.registryServer, defaultMasks.registryClient, none, none],
      [1, 1, 1],
      [0, 1, 1],
    ],
    ["forwarder", [defaultMasks.registryClient, none, defaultMasks.networkServiceServer], [1], [0]],
    ["nse", [none, defaultMasks.networkServiceServer, defaultMasks.registryClient], [1], [0]],
  ])("ask upstream's policies in every service (%s)", async (name, masks, server, client) => {
    const { ports } = daemonHost();
    const asked: (readonly string[])[] = [];
    const policies = (wanted: readonly string[]): Policy => {
      asked.push(wanted);
      return policiesFromMasks(wanted, { clock: ports.clock });
    };
    const daemon = await daemons[name]!({ ...ports, policies });
    expect(asked).toEqual(masks);
    expect(checksIn(daemon.services)).toEqual({ server, client });
  });

  it.each(Object.keys(daemons))("ask nobody without one (%s)", async (name) => {
    const { services } = await daemons[name]!(daemonHost().ports);
    const { server, client } = checksIn(services);
    expect([...server!, ...client!].every((count) => count === 0)).toBe(true);
  });

  it.each<[title: string, make: Make, reason: string]>([
    [
      "a mask without a hit",
      (ports) => registry({ ...registryConfig, registryServerPolicies: ["/etc/nsm/opa/commom/.*"] }, ports),
      "POLICY_MASK_WITHOUT_HIT",
    ],
    [
      "no mask",
      (ports) => registryProxyDns({ listenOn: [url], registryClientPolicies: [] }, ports),
      "POLICY_MASKS_EMPTY",
    ],
    [
      "a monitor's mask without a hit",
      (ports) => nsmgr({ ...nsmgrConfig, monitorPolicies: ["etc/nsm/opa/monitors/.*.rego"] }, ports),
      "POLICY_MASK_WITHOUT_HIT",
    ],
    [
      "a proxy that is no SPIFFE ID",
      (ports) => nsmgrProxy({ ...borderConfig, trustedProxies: ["nsmgr"] }, ports),
      "TRUSTED_PROXY",
    ],
    [
      "a forwarder's policy that is not there",
      (ports) => makeForwarder(ports, { networkServicePolicies: ["/etc/nsm/opa/forwarder.rego"] }),
      "POLICY_MASK_WITHOUT_HIT",
    ],
    [
      "an endpoint's proxy that is no SPIFFE ID",
      (ports) => makeNse(ports, { trustedProxies: ["*"] }),
      "TRUSTED_PROXY",
    ],
  ])("T15 do not start with %s", async (_title, make, reason) => {
    const { ports } = daemonHost();
    const policies = (masks: readonly string[]) => policiesFromMasks(masks, { clock: ports.clock });
    await expect((async () => await make({ ...ports, policies }))()).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      reason,
    });
  });
});

/** A daemon with an identity, and callers with theirs. */
async function serve(make: Make): Promise<{
  readonly host: DaemonHost;
  readonly ctx: Context;
  readonly identity: (name: string) => TestIdentity;
  readonly channel: (who: TestIdentity) => Promise<Channel>;
  readonly daemon: Daemon;
}> {
  const host = daemonHost();
  const { clock, network, ports } = host;
  const { ctx } = host.life;
  const identity = (name: string) => testIdentity({ spiffeId: `spiffe://test.com/${name}`, clock });
  const own = identity("daemon");
  const daemon = await make({
    ...ports,
    tokens: own.tokens(),
    connector: network.connector({ identity: own.peer, tokens: own.tokens() }),
    policies: (masks) => policiesFromMasks(masks, { clock }),
  });
  network.listen(url, daemon.services, ctx, { identity: own.peer });
  const channel = (who: TestIdentity) =>
    network
      .connector({ identity: who.peer, tokens: who.tokens() })
      .connect(url, { scope: "own", signal: ctx.signal });
  return { host, ctx: withTimeout(ctx, 15_000).ctx, identity, channel, daemon };
}

const local = (ports: Ports, more: Partial<NsmgrConfig> = {}) =>
  nsmgr({ ...nsmgrConfig, registryUrl: undefined, ...more }, ports);
/** What every daemon that serves connections can be told. */
type ConnectionSettings = Pick<NsmgrConfig, "monitorPolicies" | "networkServicePolicies" | "trustedProxies">;

const endpoint = (name = "nse") => newNetworkServiceEndpoint({ name, url: "tcp://10.0.0.2:1" });

/** A call whose registry path has an owner's token that the caller made up. */
function forged(ctx: Context, channel: Channel, owner: TestIdentity, caller: TestIdentity): Context {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: owner.peer.spiffeId, aud: [caller.peer.spiffeId], exp: 9_999_999_999 };
  const token = `${encode({ alg: "ES256" })}.${encode(claims)}.`;
  const call = newOutgoingCall(channel);
  call.headers.set(MetadataKey.PATH, JSON.stringify({ Index: 1, PathSegments: [{ token }, { token: "" }] }));
  return ctx.with(outgoingCall, call);
}

describe("a registry with a list of proxies", () => {
  const denied = {
    code: Code.PERMISSION_DENIED,
    message: "registry: an error occurred during authorization policy check: no sufficient privileges",
  };

  it("T5 takes names of others from managers only, and own names from everybody", async () => {
    const trustedProxies = ["spiffe://test.com/nsmgr-*"];
    const { ctx, identity, channel } = await serve((ports) =>
      registry({ ...registryConfig, trustedProxies }, ports),
    );
    const [nse, manager, thief] = [identity("nse"), identity("nsmgr-1"), identity("thief")];
    const [ofManager, ofThief] = [await channel(manager), await channel(thief)];
    await ofManager.endpoints.register(forged(ctx, ofManager, nse, manager), endpoint());
    const theft = forged(ctx, ofThief, nse, thief);
    await expect(ofThief.endpoints.unregister(theft, endpoint())).rejects.toMatchObject(denied);
    await expect(ofThief.endpoints.register(theft, endpoint())).rejects.toMatchObject(denied);
    await expect(
      ofThief.networkServices.register(theft, newNetworkService({ name: "ns" })),
    ).rejects.toMatchObject(denied);
    await ofThief.endpoints.register(ctx, endpoint("own"));
    const left = await findAll(ofThief.endpoints, ctx, newNetworkServiceEndpoint());
    expect(left.map(({ name }) => name).sort()).toEqual(["nse", "own"]);
  });

  it("asks policies of its operator beside the shipped ones", async () => {
    const own = fileURLToPath(new URL("../../../policy/fixtures/probe.tar.gz", import.meta.url));
    const registryServerPolicies = [...defaultMasks.registryServer, own];
    const { ctx, identity, channel } = await serve((ports) =>
      registry({ ...registryConfig, registryServerPolicies }, ports),
    );
    const [nse, owner] = [await channel(identity("nse")), await channel(identity("owner"))];
    await owner.endpoints.register(ctx, endpoint("data")); // the policy knows this owner of this name
    await owner.endpoints.unregister(ctx, endpoint("data"));
    await expect(nse.endpoints.register(ctx, endpoint("data"))).rejects.toMatchObject(denied);
    await expect(nse.endpoints.register(ctx, endpoint("unheard of"))).rejects.toMatchObject({
      code: Code.INTERNAL,
      message: expect.stringContaining("its rule valid is undefined"),
    });
  });
});

describe.each<[name: string, make: (ports: Ports, more: ConnectionSettings) => Daemon | Promise<Daemon>]>([
  ["manager", local],
  ["forwarder", makeForwarder],
  ["endpoint", makeNse],
])("a %s", (_name, make) => {
  const asking = (id: string) =>
    requestWith({ id, networkService: "ns", path: { index: 0, pathSegments: [{ name: "nsc", id }] } });

  it("T4 takes connections of others from trusted proxies only", async () => {
    const { ctx, identity, channel } = await serve((ports) =>
      make(ports, { trustedProxies: ["spiffe://test.com/hop"] }),
    );
    const passedOn = async (who: TestIdentity) => {
      const request = asking("a");
      const { token } = await identity("nsc").tokens().token({ peer: who.peer, own: undefined });
      request.connection.path.pathSegments[0]!.token = token;
      request.connection.path.pathSegments.push({
        ...request.connection.path.pathSegments[0]!,
        name: "f",
        id: "b",
      });
      request.connection.path.index = 1;
      request.connection.id = "b";
      return (await channel(who)).networkService.request(ctx, request);
    };
    await expect(passedOn(identity("thief"))).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    const taken = await passedOn(identity("hop")).then(
      () => Code.OK,
      (error: unknown) => statusOf(error).code,
    );
    expect(taken).not.toBe(Code.PERMISSION_DENIED); // whatever else the lonely daemon makes of it
  });

  async function firstEvent(channel: Channel, ctx: Context, ...ids: string[]): Promise<ConnectionEvent> {
    const selector = MonitorScopeSelector.fromPartial({ pathSegments: ids.map((id) => ({ id })) });
    for await (const event of channel.monitor.monitorConnections(ctx, selector)) return event;
    throw new Error("no event");
  }

  it("T12 shows everybody that connections exist, or only their holders when its settings say so", async () => {
    for (const [monitorPolicies, refused] of [
      [none, false],
      [["etc/nsm/opa/monitor/.*.rego"], true],
    ] as const) {
      const { ctx, identity, channel } = await serve((ports) => make(ports, { monitorPolicies }));
      const event = firstEvent(await channel(identity("thief")), ctx);
      if (refused) await expect(event).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
      else expect(await event).toMatchObject({ connections: {} });
    }
  });
});

describe("a border", () => {
  it("T1 answers a Request with an empty path, checked or not", async () => {
    for (const networkServicePolicies of [none, defaultMasks.networkServiceServer]) {
      const { ctx, identity, channel } = await serve((ports) =>
        nsmgrProxy({ ...borderConfig, networkServicePolicies }, ports),
      );
      const { networkService } = await channel(identity("thief"));
      await expect(
        networkService.request(ctx, requestWith({ id: "a", networkService: "ns@other" })),
      ).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
    }
  });
});
