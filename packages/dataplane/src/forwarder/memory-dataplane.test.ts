// SPDX-License-Identifier: Apache-2.0
import { connectionWith, testContext } from "@nsm/testkit";
import { testDomain } from "../test-support/domain.js";
import { memoryDataplane } from "./index.js";

const addresses = { src: ["172.16.1.101/32"], dst: ["172.16.1.100/32"] };

describe("the data plane without a kernel", () => {
  it("serves a connection over two nodes and forgets it at Close", async () => {
    const domain = testDomain();
    await domain.service("IP");
    const planes = [memoryDataplane("10.99.0.1"), memoryDataplane("10.99.0.2")] as const;
    const [a, b] = [domain.forwarder("fwd-a", planes[0]), domain.forwarder("fwd-b", planes[1])];
    const nse = domain.nse("nse", "file:///proc/1/ns/net", addresses);
    await a.knows("nse", b.url);
    await b.knows("nse", nse.url);
    const nsc = domain.nsc(a.url, "file:///proc/1/ns/net");
    const connection = await nsc.request("c1");
    expect(connection.path.pathSegments.map(({ name }) => name)).toEqual(["nsc", "fwd-a", "fwd-b", "nse"]);
    expect(connection.context.MTU).toBe(1446);
    for (const { links, joints } of planes) expect([links.size, joints.size]).toEqual([2, 1]);
    const refreshed = await nsc.refresh(connection);
    for (const { links, joints } of planes) expect([links.size, joints.size]).toEqual([2, 1]);
    await nsc.close(refreshed);
    for (const { links, joints } of planes) expect([links.size, joints.size]).toEqual([0, 0]);
  });

  it("takes a link down by name", async () => {
    const plane = memoryDataplane("10.99.0.1");
    const link = { side: "server", connection: connectionWith({ id: "c1" }) } as const;
    const { port } = await plane.kernel.up(testContext(), link);
    expect([...plane.links]).toEqual([port.name]);
    await plane.kernel.down(testContext(), link);
    expect(plane.links.size).toBe(0);
  });
});
