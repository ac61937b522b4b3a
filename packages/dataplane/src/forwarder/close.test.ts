// SPDX-License-Identifier: Apache-2.0
import { elementStatistics } from "@nsm/core";
import { injectError, testContext, VirtualClock } from "@nsm/testkit";
import { describeInNetns } from "../test-support/index.js";
import { addresses, countsOf, kernelWorld, until } from "../test-support/kernel-world.js";

describeInNetns("what a forwarder built in the kernel is gone after Close", () => {
  const { destroy, localDomain, remoteDomain } = kernelWorld();

  it("when the endpoint refuses it; the caller is told", async () => {
    const { nsc, all, nse, domain, endpointPod } = await localDomain();
    nse.kill();
    domain.nse("nse", endpointPod.url, addresses, injectError({ request: [], close: [-1] }));
    const before = await countsOf(...all);
    const connection = await nsc.request("c1");
    await expect(nsc.close(connection)).rejects.toThrow("error originates in chain");
    expect(await countsOf(...all)).toEqual(before);
  });

  it("when the endpoint is gone, and not in the registry any more", async () => {
    const { nsc, all, nse, forwarder } = await localDomain();
    const before = await countsOf(...all);
    const connection = await nsc.request("c1");
    nse.kill();
    await forwarder.forgets("nse");
    await nsc.close(connection).catch(() => {});
    expect(await countsOf(...all)).toEqual(before);
  });

  it("on this node, when the other node's forwarder is gone", async () => {
    const { nsc, nodeA, clientPod, forwarderB } = await remoteDomain("IP");
    const before = await countsOf(nodeA, clientPod);
    const connection = await nsc.request("c1");
    forwarderB.kill();
    await nsc.close(connection).catch(() => {});
    expect(await countsOf(nodeA, clientPod)).toEqual(before);
  });

  it("when somebody deleted a link before, and when it comes twice", async () => {
    const { nsc, all, node } = await localDomain();
    const before = await countsOf(...all);
    const connection = await nsc.request("c1");
    const link = (await node.route.links()).find(({ name }) => name.startsWith("nsms"));
    await node.route.linkDelete(link?.index ?? 0);
    await Promise.all([nsc.close(connection), nsc.close(connection)]);
    await until(async () => (await countsOf(...all)).every(({ links }, i) => links === before[i]?.links));
  });

  it("when it comes while the pods' namespaces are dying", async () => {
    const { nsc, node, clientPod, endpointPod, forwarder } = await localDomain();
    const before = (await node.counts()).links;
    const connection = await nsc.request("c1");
    await Promise.all([destroy(clientPod, endpointPod), nsc.close(connection)]);
    await until(async () => (await node.counts()).links === before);
    await until(() => elementStatistics(forwarder.element)["host-links-server.waiting"] === 0);
  });

  it("of itself, when the client's token has expired", async () => {
    const clock = new VirtualClock();
    const { nsc, all, nse, forwarder } = await localDomain({ options: { ctx: testContext({ clock }) } });
    const before = await countsOf(...all);
    await nsc.request("c1");
    await clock.advance(3_600_000); // the life of the domain's tokens
    await until(async () => (await countsOf(...all)).every(({ links }, i) => links === before[i]?.links));
    await until(() => elementStatistics(forwarder.element)["host-links-server.veth"] === 0);
    expect(await countsOf(...all)).toEqual(before);
    expect(nse.calls.closes).toBe(1);
    expect(elementStatistics(forwarder.element)["report-down-server.connections"]).toBe(0);
  });
});
