// SPDX-License-Identifier: Apache-2.0
import { type NetworkService, type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { type RegistryElement, sleep } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { type NseConfig, nse } from "@nsm/daemons/nse";
import { registryCapture, requestWith } from "@nsm/testkit";
import { sandboxClient } from "../chains.js";
import { daemonHost, managerUrl, nothing, servedUrl } from "../test-support/daemon-host.js";

const config: NseConfig = {
  name: "nse-1",
  connectTo: managerUrl,
  listenOn: new URL("unix:///configured.sock"),
  serviceNames: ["first", "second"],
  payload: "ETHERNET",
  labels: { app: "icmp" },
  cidrGroups: [["172.16.1.0/24"], ["fd00::/112"]],
  ipamPolicy: "polite",
  dnsConfigs: [],
  policyRoutesPath: "/etc/policy-based-routing/config.yaml",
  registryClientPolicies: [],
  idleTimeoutMs: 0,
  registerService: true,
  unregisterItself: false,
};

/** An endpoint and a manager that notes the order of registrations. @param known endpoints that are registered already */
function setUp(
  changes: Partial<NseConfig> = {},
  { refusing = false, known = [] as string[], silent = false } = {},
  ports: Partial<Ports> = {},
) {
  const host = daemonHost();
  const order: string[] = [];
  const services = registryCapture<NetworkService>();
  const endpoints = registryCapture<NetworkServiceEndpoint>();
  const noting = <T extends { name: string; pathIds: string[] }>(
    seen: RegistryElement<T>,
  ): RegistryElement<T> => ({
    ...seen,
    register(ctx, item, next) {
      order.push(item.name);
      return seen.register?.(ctx, item, next) ?? next.register(ctx, item);
    },
    async *find(ctx) {
      if (silent) await sleep(ctx, 1_000_000);
      for (const name of known)
        yield { item: { ...newNetworkServiceEndpoint({ name }) } as unknown as T, deleted: false };
    },
    unregister(ctx, item, next) {
      if (refusing) throw new Error("not now");
      return seen.unregister?.(ctx, item, next) ?? next.unregister(ctx, item);
    },
  });
  host.serve(managerUrl, { networkServices: noting(services), endpoints: noting(endpoints) });
  const daemon = nse({ ...config, ...changes }, { ...host.ports, ...ports });
  host.serve(servedUrl, daemon.services);
  return {
    ...host,
    daemon,
    order,
    services,
    endpoints,
    start: () => host.start(daemon),
    stop: () => host.stop(daemon),
  };
}

/** A client of the endpoint and its connection. */
async function connect({ ports, life, clock }: ReturnType<typeof setUp>) {
  const client = sandboxClient("nsc", servedUrl, {}, ports, life.ctx);
  const request = requestWith({ id: "c", networkService: "first" });
  const connection = await clock.waitFor(client.request(life.ctx, request));
  return { connection, close: () => clock.waitFor(client.close(life.ctx, connection)) };
}

describe("nse", () => {
  it("registers its services, then itself with the socket it is served at", async () => {
    const { start: starting, order, services, endpoints, socketUrlOf } = setUp();
    await starting();
    expect(order).toEqual(["first", "second", "nse-1"]);
    expect(services.registered.map(({ payload }) => payload)).toEqual(["ETHERNET", "ETHERNET"]);
    expect(endpoints.registered[0]).toMatchObject({
      networkServiceNames: ["first", "second"],
      url: await socketUrlOf(servedUrl),
    });
    expect(endpoints.registered[0]?.networkServiceLabels.second?.labels).toMatchObject({
      app: "icmp",
      nodeName: "node-1",
    });
  });

  it("registers no services when told so", async () => {
    const { start: starting, order } = setUp({ registerService: false });
    await starting();
    expect(order).toEqual(["nse-1"]);
  });

  it.each([
    [true, ["nse-1"]],
    [false, []],
  ])("with unregisterItself %s unregisters %j when it is stopped", async (unregisterItself, expected) => {
    const { start: starting, stop, endpoints, services } = setUp({ unregisterItself });
    await starting();
    expect(await stop()).toEqual(nothing);
    expect(endpoints.unregistered.map(({ name }) => name)).toEqual(expected);
    expect(services.unregistered).toEqual([]);
  });

  it("ends even when it cannot unregister, and says so", async () => {
    const all = setUp({ unregisterItself: true }, { refusing: true });
    await all.start();
    expect(await all.stop()).toEqual(nothing);
    expect(all.complaints.at(-1)).toBe(
      "warn endpoint was not unregistered, it will expire: context deadline exceeded",
    );
  });

  it("stops before it was registered without a word to the registry", async () => {
    const { stop, endpoints } = setUp({ unregisterItself: true });
    await stop();
    expect(endpoints.unregistered).toEqual([]);
  });

  it("gives each connection one pair of addresses per group, and a name to its interface", async () => {
    const all = setUp();
    const { connection } = await connect(all);
    const { context, mechanism } = connection;
    expect(context.ipContext).toMatchObject({
      dstIpAddrs: ["172.16.1.0/32", "fd00::/128"],
      srcIpAddrs: ["172.16.1.1/32", "fd00::1/128"],
    });
    expect(mechanism?.parameters.name).not.toBe("");
  });

  it.each([
    ["knows an endpoint of its name", ["nse-1"], 2_000],
    ["knows others only", ["nse-12"], 0],
  ])(
    "lets new clients wait as long as clients of an earlier process may return when the registry %s",
    async (_title, known, waitMs) => {
      const all = setUp({}, { known });
      await all.start();
      const startMs = all.clock.now();
      await connect(all);
      expect(all.clock.now() - startMs).toBe(waitMs);
    },
  );

  it("starts within a second when the registry does not answer", async () => {
    const all = setUp({}, { silent: true });
    const startMs = all.clock.now();
    await all.start();
    expect(all.clock.now() - startMs).toBe(1_000);
  });

  it("gives nobody an address that a link of an earlier process has", async () => {
    const all = setUp({}, {}, { addressesInUse: async () => ["172.16.1.1", "172.16.1.0"] });
    await all.start();
    const { connection } = await connect(all);
    expect(connection.context.ipContext?.srcIpAddrs).toEqual(["172.16.1.3/32", "fd00::1/128"]);
  });

  it("ends by itself when it was idle for the time given, not while it has a connection", async () => {
    const all = setUp({ idleTimeoutMs: 1_000 });
    let ended = false;
    void all.daemon.finished?.then(() => {
      ended = true;
    });
    await all.start();
    await all.clock.advance(900);
    const { close } = await connect(all);
    await all.clock.advance(5_000);
    expect(ended).toBe(false);
    await close();
    await all.clock.advance(999);
    expect(ended).toBe(false);
    await all.clock.advance(1);
    expect(ended).toBe(true);
  });

  it("never ends by itself without an idle time", async () => {
    const all = setUp();
    let ended = false;
    void all.daemon.finished?.then(() => {
      ended = true;
    });
    await all.start();
    await all.clock.advance(1_000_000);
    expect(ended).toBe(false);
  });
});
