// SPDX-License-Identifier: Apache-2.0
import { netlinkStatistics } from "@nsm/linux";
import { injectError } from "@nsm/testkit";
import { describeInNetns } from "../test-support/index.js";
import {
  addresses,
  countsOf,
  expectBothWays,
  expectReaches,
  kernelWorld,
} from "../test-support/kernel-world.js";

describeInNetns("a forwarder on a kernel", () => {
  const { destroy, localDomain, remoteDomain } = kernelWorld();

  it("connects two pods of its node and leaves nothing after Close", async () => {
    const { node, clientPod, endpointPod, nsc } = await localDomain();
    const before = await countsOf(node, clientPod, endpointPod);
    const connection = await nsc.request("c1");
    expect(connection.context.MTU).toBe(9000);
    expect(await clientPod.route.linkGet("nsm-1")).toMatchObject({ alias: "server-c1", mtuBytes: 9000 });
    expect(await endpointPod.route.linkGet("nse-1")).toMatchObject({ alias: "client-c1", mtuBytes: 9000 });
    await expectBothWays(clientPod, endpointPod);
    await nsc.close(connection);
    expect(await countsOf(node, clientPod, endpointPod)).toEqual(before);
  });

  it("needs no more than 45 messages to the kernel for a connection and 30 for a refresh", async () => {
    const { nsc } = await localDomain();
    netlinkStatistics.messages = 0;
    const connection = await nsc.request("c1");
    const forConnection = netlinkStatistics.messages;
    await nsc.refresh(connection);
    const forRefresh = netlinkStatistics.messages - forConnection;
    expect(forConnection).toBeGreaterThan(10);
    expect(forConnection).toBeLessThanOrEqual(45);
    expect(forRefresh).toBeLessThanOrEqual(30);
  });

  it("follows new addresses of a refresh", async () => {
    const { clientPod, endpointPod, nsc, forwarder, domain } = await localDomain();
    const connection = await nsc.request("c1");
    const other = domain.nse("nse-2", endpointPod.url, {
      src: ["172.16.1.103/32"],
      dst: ["172.16.1.102/32"],
    });
    await forwarder.forgets("nse");
    await forwarder.knows("nse-2", other.url);
    connection.networkServiceEndpointName = "";
    await nsc.refresh(connection);
    await expectReaches(clientPod, "172.16.1.102");
    const index = (await clientPod.route.linkGet("nsm-1"))?.index ?? 0;
    const present = (await clientPod.route.addresses(index)).filter(({ scope }) => scope === 0);
    expect(present.map(({ address }) => address)).toEqual(["172.16.1.103/32"]);
  });

  it("tells the endpoint at once when the client's interface has another MAC address", async () => {
    const { clientPod, endpointPod, nsc } = await localDomain();
    const connection = await nsc.request("c1");
    await expectBothWays(clientPod, endpointPod);
    const macAddress = "0a:00:00:00:00:01";
    connection.context.ethernetContext = { srcMac: macAddress, dstMac: "", vlanTag: 0 };
    await nsc.refresh(connection);
    const known = (await endpointPod.route.neighbours()).filter(
      ({ ip }) => ip === "172.16.1.101" || ip === "fd00::101",
    );
    expect(known.map((entry) => entry.macAddress)).toEqual([macAddress, macAddress]);
    await expectBothWays(clientPod, endpointPod);
  });

  it("leaves nothing behind when the endpoint refuses, and keeps a live connection's links", async () => {
    const { node, clientPod, endpointPod, forwarder, nsc, domain } = await localDomain();
    const refusing = domain.nse("refusing", endpointPod.url, addresses, injectError({ request: [0, 2, -1] }));
    await forwarder.forgets("nse");
    await forwarder.knows("refusing", refusing.url);
    const before = await countsOf(node, clientPod, endpointPod);
    await expect(nsc.request("c1")).rejects.toThrow("error originates in chain");
    expect(await countsOf(node, clientPod, endpointPod)).toEqual(before);
    const connection = await nsc.request("c2");
    await expect(nsc.refresh(connection)).rejects.toThrow("error originates in chain");
    await expectBothWays(clientPod, endpointPod);
  });

  it("closes with success when the pods are gone", async () => {
    const { node, clientPod, endpointPod, nsc } = await localDomain();
    const before = (await node.counts()).links;
    const connection = await nsc.request("c1");
    await destroy(clientPod, endpointPod);
    await nsc.close(connection);
    expect((await node.counts()).links).toBe(before);
  });

  it("tells clearly that an interface exists already", async () => {
    const { clientPod, nsc, node, endpointPod } = await localDomain();
    await clientPod.route.linkAdd({ kind: "bridge", name: "nsm-1" });
    const before = await countsOf(node, clientPod, endpointPod);
    await expect(nsc.request("c1")).rejects.toThrow("interface nsm-1 already exists");
    expect(await countsOf(node, clientPod, endpointPod)).toEqual(before);
  });

  it("leaves all counts equal after 100 connections", async () => {
    const { node, clientPod, endpointPod, nsc } = await localDomain();
    const before = await countsOf(node, clientPod, endpointPod);
    for (let batch = 0; batch < 10; batch++) {
      const names = Array.from({ length: 10 }, (_, i) => `c${batch}${i}`);
      const connections = await Promise.all(names.map((name) => nsc.request(name, "icmp", name)));
      await Promise.all(connections.map((connection) => nsc.close(connection)));
    }
    expect(await countsOf(node, clientPod, endpointPod)).toEqual(before);
  }, 60_000);

  it.each([
    ["IP", ["10.99.0.1", "10.99.0.2"] as const, 1446],
    ["ETHERNET", ["10.99.0.2", "10.99.0.1"] as const, 1446],
    ["IP", ["fd99::1", "fd99::2"] as const, 1426],
  ])(
    "connects pods of two nodes over VXLAN for payload %s between %j",
    async (payload, tunnelIps, mtuBytes) => {
      const { all, clientPod, endpointPod, nodeA, nsc } = await remoteDomain(payload, { tunnelIps });
      const before = await countsOf(...all);
      const connection = await nsc.request("c1");
      expect(connection.mechanism?.type).toBe("KERNEL");
      expect(connection.context.MTU).toBe(mtuBytes);
      for (const [pod, name] of [
        [clientPod, "nsm-1"],
        [endpointPod, "nse-1"],
      ] as const) {
        expect((await pod.route.linkGet(name))?.mtuBytes).toBe(mtuBytes);
      }
      const device = (await nodeA.route.links()).find(({ kind }) => kind === "vxlan");
      expect(device?.vxlan).toMatchObject({ local: tunnelIps[0], remote: tunnelIps[1] });
      await expectBothWays(clientPod, endpointPod);
      await nsc.close(await nsc.refresh(connection));
      expect(await countsOf(...all)).toEqual(before);
    },
  );

  it("gets another VNI when the peer's choice is taken on the client's node", async () => {
    const draws = [21, 50];
    const { nodeA, nodeB, nsc, clientPod, endpointPod, nse } = await remoteDomain("IP", {
      b: { tunnels: { randomUint32: () => draws.shift() ?? 1 } },
    });
    // Another user's device has the VNI 2 * 21 of the first draw, and another remote
    await nodeA.route.linkAdd({ kind: "vxlan", name: "foreign", vni: 42, remote: "10.99.0.77", port: 4789 });
    const connection = await nsc.request("c1");
    for (const node of [nodeA, nodeB]) {
      const devices = (await node.route.links()).filter(
        ({ kind, name }) => kind === "vxlan" && name !== "foreign",
      );
      expect(devices.map(({ vxlan }) => vxlan?.vni)).toEqual([100]);
    }
    await expectBothWays(clientPod, endpointPod);
    expect([nse.calls.requests, nse.calls.closes]).toEqual([2, 1]);
    await nsc.close(connection);
  });

  it("refuses payload IP over VXLAN where it is switched off, on either side", async () => {
    const off = await remoteDomain("IP", { b: { options: { ipOverVxlan: false } } });
    await expect(off.nsc.request("c1")).rejects.toThrow("cannot support any of the requested mechanism");
    expect(off.nse.calls.requests).toBe(0);
  });
});
