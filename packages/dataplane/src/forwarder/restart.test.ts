// SPDX-License-Identifier: Apache-2.0
import { elementStatistics, type NetworkServiceElement } from "@nsm/core";
import { injectError, testContext, VirtualClock } from "@nsm/testkit";
import { kernelOwners } from "../host-links/index.js";
import { hostAlias, hostLinkName, ownerGroup } from "../names/index.js";
import { describeInNetns, type Scratch } from "../test-support/index.js";
import { addresses, countsOf, expectBothWays, kernelWorld, until } from "../test-support/kernel-world.js";

const LIFETIME_MS = 60_000;

/** The numbers of `host-links-server`. */
function linksOf(element: NetworkServiceElement): Record<string, number> {
  const prefix = "host-links-server.";
  return Object.fromEntries(
    Object.entries(elementStatistics(element)).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    ),
  );
}

describeInNetns("a forwarder that is started again", () => {
  const { planeOf, destroy, localDomain, remoteDomain } = kernelWorld();
  let clock: VirtualClock;
  beforeEach(() => {
    clock = new VirtualClock();
  });
  const options = () => ({ ctx: testContext({ clock }), maxTokenLifetimeMs: LIFETIME_MS });
  const local = () => localDomain({ options: options() });
  const remote = () => remoteDomain("IP", { a: { options: options() }, b: { options: options() } });
  const vnisOf = async (node: Scratch) =>
    (await node.route.links()).flatMap(({ vxlan }) => (vxlan === undefined ? [] : [vxlan.vni]));
  const pass = async (ms: number, holds: () => boolean | Promise<boolean>): Promise<void> => {
    await clock.advance(ms);
    await until(holds);
  };

  it("keeps links and traffic, adopts what returns and forgets nothing at Close (HEAL-03)", async () => {
    const { node, clientPod, endpointPod, nsc, forwarder, all } = await local();
    const before = await countsOf(...all);
    const connection = await nsc.request("c1");
    const built = await countsOf(...all);
    const index = (await clientPod.route.linkGet("nsm-1"))?.index;
    const refreshed = await nsc.refresh(connection);
    forwarder.restart(await planeOf(node));
    expect(linksOf(forwarder.element)).toMatchObject({ waiting: 2, veth: 0 });
    await expectBothWays(clientPod, endpointPod);
    const adopted = await nsc.refresh(refreshed);
    expect((await clientPod.route.linkGet("nsm-1"))?.index).toBe(index);
    expect(linksOf(forwarder.element)).toMatchObject({ waiting: 0, veth: 2, adopted: 2, held: 0 });
    await expectBothWays(clientPod, endpointPod);
    expect((await countsOf(...all)).map(({ links }) => links)).toEqual(built.map(({ links }) => links));
    await nsc.close(adopted);
    expect(await countsOf(...all)).toEqual(before);
    expect(linksOf(forwarder.element)).toMatchObject({ veth: 0, adopted: 0, waiting: 0 });
  });

  it("keeps tunnel and VNI on both nodes, one device each (HEAL-04)", async () => {
    const { nodeA, nodeB, clientPod, endpointPod, nsc, forwarderA, forwarderB, all, tunnelIps } =
      await remote();
    const before = await countsOf(...all);
    const connection = await nsc.request("c1");
    const vnis = await vnisOf(nodeA);
    const devices = (await nodeA.route.links()).filter(({ kind }) => kind === "vxlan");
    forwarderA.restart(await planeOf(nodeA, { tunnelIp: tunnelIps[0] }));
    forwarderB.restart(await planeOf(nodeB, { tunnelIp: tunnelIps[1] }));
    const adopted = await nsc.refresh(connection);
    expect([await vnisOf(nodeA), await vnisOf(nodeB)]).toEqual([vnis, vnis]);
    expect((await nodeA.route.linkGet(devices[0]?.name ?? ""))?.index).toBe(devices[0]?.index);
    expect(linksOf(forwarderA.element)).toMatchObject({ veth: 1, vxlan: 1, adopted: 2, vnis: 1 });
    await expectBothWays(clientPod, endpointPod);
    await nsc.close(adopted);
    expect(await countsOf(...all)).toEqual(before);
    expect(linksOf(forwarderB.element)).toMatchObject({ vxlan: 0, adopted: 0, vnis: 0 });
  });

  it("draws no VNI that a device of the earlier process has (CHAOS-4)", async () => {
    const { nodeB, nsc, forwarderB, tunnelIps, domain, forwarderA, clientPod } = await remote();
    await nsc.request("c1", "icmp", "nsm-1");
    const [vni = 0] = await vnisOf(nodeB);
    const plane = await planeOf(nodeB, { tunnelIp: tunnelIps[1] });
    forwarderB.restart(plane);
    const drawn = Array.from({ length: 50 }, () => plane.vxlan?.randomUint32() ?? 0);
    for (const random of drawn)
      expect([(random * 2) % 2 ** 24, (random * 2 + 1) % 2 ** 24]).not.toContain(vni);
    await domain.nsc(forwarderA.url, clientPod.url).request("c2", "icmp", "nsm-2");
    expect(new Set(await vnisOf(nodeB)).size).toBe(2);
  });

  it("removes what nobody claims within one token lifetime, and nothing that is not its own (CHAOS-4)", async () => {
    const { node, clientPod, endpointPod, nsc, forwarder, all } = await local();
    const foreign = { side: "server", id0: "x", connectionId: "y" } as const;
    const others = [
      { name: "vpp-1", alias: hostAlias(foreign), group: 0 }, // a forwarder-vpp's
      { name: hostLinkName(foreign), alias: hostAlias(foreign), group: ownerGroup("fwd-2") }, // a second forwarder's
      { name: "nsmsabcdefghijk", alias: "somebody", group: ownerGroup("fwd") },
    ];
    kernelOwners(node.netns).announce(testContext({ clock }), ownerGroup("fwd-2"));
    for (const { name, alias, group } of others) {
      await node.route.linkAdd({ kind: "veth", name, group, peer: { name: `p${name.slice(0, 13)}` } });
      await node.route.linkSet(name, { alias });
    }
    const before = await countsOf(...all);
    await nsc.request("c1");
    const kept = await nsc.request("c2", "icmp", "nsm-2");
    const plane = await planeOf(node);
    forwarder.restart(plane);
    await nsc.refresh(kept);
    await clock.advance(LIFETIME_MS - 1);
    expect(await clientPod.route.linkGet("nsm-1")).toBeDefined();
    await pass(1, async () => (await clientPod.route.linkGet("nsm-1")) === undefined);
    expect(await clientPod.route.linkGet("nsm-1")).toBeUndefined();
    expect(await endpointPod.route.linkGet("nse-1")).toBeUndefined();
    expect(await clientPod.route.linkGet("nsm-2")).toMatchObject({ up: true, lowerUp: true });
    for (const { name } of others) expect(await node.route.linkGet(name)).toBeDefined();
    await pass(0, () => plane.totals?.()["links.purged"] === 2);
    expect(linksOf(forwarder.element)).toMatchObject({ waiting: 0, veth: 2, adopted: 2 });
    await nsc.close(kept);
    expect(await countsOf(...all)).toEqual(before);
  });

  it("removes what a forwarder of another name left that is gone, but lets it recover before (HEAL-25)", async () => {
    const { node, clientPod, endpointPod, nsc, forwarder, domain, nse, all } = await local();
    const before = await countsOf(...all);
    const connection = await nsc.request("c1");
    forwarder.kill();
    const other = domain.forwarder("fwd-new", await planeOf(node), options());
    await other.knows("nse", nse.url);
    expect(linksOf(other.element)).toMatchObject({ waiting: 2 });
    await expectBothWays(clientPod, endpointPod);
    const moved = domain.nsc(other.url, clientPod.url);
    const again = await moved.refresh(connection);
    await expectBothWays(clientPod, endpointPod);
    expect((await node.route.links()).filter(({ name }) => /^nsm[sc]/.test(name))).toHaveLength(2);
    await moved.close(again);
    await clock.advance(LIFETIME_MS);
    expect(await countsOf(...all)).toEqual(before);
    other.kill();
  });

  it("removes a tunnel whose connection does not return, and frees its VNI", async () => {
    const { nodeA, nsc, forwarderA, clientPod, tunnelIps, all, nodeB, forwarderB } = await remote();
    const before = await countsOf(...all);
    await nsc.request("c1");
    for (const [node, forwarder, tunnelIp] of [
      [nodeA, forwarderA, tunnelIps[0]],
      [nodeB, forwarderB, tunnelIps[1]],
    ] as const) {
      forwarder.restart(await planeOf(node, { tunnelIp }));
      expect(linksOf(forwarder.element)).toMatchObject({ waiting: 2, vnis: 1 });
    }
    await pass(LIFETIME_MS, () => linksOf(forwarderA.element).waiting === 0);
    await pass(0, () => linksOf(forwarderB.element).waiting === 0);
    expect(linksOf(forwarderA.element)).toMatchObject({ waiting: 0, vnis: 0 });
    expect(await countsOf(...all)).toEqual(before);
    expect(await clientPod.route.linkGet("nsm-1")).toBeUndefined();
  });

  it("closes what an earlier process built, at the endpoint too, and a second time with success", async () => {
    const { node, nsc, forwarder, all, nse } = await local();
    const before = await countsOf(...all);
    const connection = await nsc.request("c1");
    forwarder.restart(await planeOf(node));
    await nsc.close(connection);
    expect(await countsOf(...all)).toEqual(before);
    expect(nse.calls.closes).toBe(1);
    expect(linksOf(forwarder.element)).toMatchObject({ waiting: 0, held: 0 });
  });

  it("closes what an earlier process built when both pods are gone", async () => {
    const { node, nsc, forwarder, clientPod, endpointPod, nse } = await local();
    const before = (await node.counts()).links;
    const connection = await nsc.request("c1");
    forwarder.restart(await planeOf(node));
    nse.kill();
    await destroy(clientPod, endpointPod);
    await nsc.close(connection).catch(() => {});
    expect((await node.counts()).links).toBe(before);
  });

  it("leaves a returning connection's links alone when its Request fails", async () => {
    const { node, clientPod, endpointPod, nsc, nse, forwarder, domain } = await local();
    const connection = await nsc.request("c1");
    nse.kill();
    const refusing = domain.nse("nse", endpointPod.url, addresses, injectError({ request: [0] }));
    forwarder.restart(await planeOf(node));
    await expect(nsc.refresh(connection)).rejects.toThrow("error originates in chain");
    await expectBothWays(clientPod, endpointPod);
    await nsc.refresh(connection);
    expect(refusing.calls.closes).toBe(0);
    expect(linksOf(forwarder.element)).toMatchObject({ waiting: 0, veth: 2, adopted: 2 });
  });
});
