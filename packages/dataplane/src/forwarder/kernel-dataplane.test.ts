// SPDX-License-Identifier: Apache-2.0
import { silentLogger } from "@nsm/core";
import { describeInNetns, type Scratch, scratch } from "../test-support/index.js";
import { defaultTunnelIp, freeDraw, kernelDataplane } from "./index.js";

describeInNetns("the kernel's data plane", () => {
  let node: Scratch;
  let far: Scratch;
  let index: number;
  beforeEach(async () => {
    [node, far] = [await scratch(), await scratch()];
    await node.route.linkAdd({
      kind: "veth",
      name: "eth0",
      mtuBytes: 1400,
      peer: { name: "eth0", netns: far.netns },
    });
    await node.route.linkSet("eth0", { up: true });
    index = (await node.route.linkGet("eth0"))?.index ?? 0;
  });
  afterEach(async () => {
    await node.destroy();
    await far.destroy();
  });
  const open = async (tunnelIp?: string) => {
    const plane = await kernelDataplane({ log: silentLogger, netns: node.netns, tunnelIp });
    plane.close();
    return plane;
  };

  it("takes the first global address of the default route's link, IPv4 before IPv6", async () => {
    expect(await defaultTunnelIp(node.route)).toBeUndefined();
    await node.route.addressReplace(index, "fd00::5/64");
    await node.route.addressReplace(index, "10.1.0.5/24");
    await node.route.addressReplace(index, "10.2.0.5/24");
    expect(await defaultTunnelIp(node.route)).toBeUndefined();
    await node.route.routeReplace({ destination: "::/0", gateway: "fd00::1", linkIndex: index });
    expect(await defaultTunnelIp(node.route)).toBe("fd00::5");
    await node.route.routeReplace({ destination: "0.0.0.0/0", gateway: "10.1.0.1", linkIndex: index });
    expect(await defaultTunnelIp(node.route)).toBe("10.1.0.5");
  });

  it("derives the tunnel MTU from the link that owns the address", async () => {
    await node.route.addressReplace(index, "10.1.0.5/24");
    await node.route.addressReplace(index, "fd00::5/64");
    expect((await open("10.1.0.5")).vxlan).toMatchObject({
      tunnelIp: "10.1.0.5",
      port: 4789,
      mtuBytes: 1346,
    });
    expect((await open("FD00:0::5")).vxlan).toMatchObject({ tunnelIp: "fd00::5", mtuBytes: 1326 });
  });

  it("serves the node only without a tunnel address, and leaves nothing of its probe behind", async () => {
    const before = await node.counts();
    expect((await open()).vxlan).toBeUndefined();
    expect(await node.counts()).toEqual(before);
  });

  it.each(["10.9.9.9", "nonsense"])("refuses the tunnel address %s, which no link has", async (tunnelIp) => {
    await expect(open(tunnelIp)).rejects.toMatchObject({
      reason: "TUNNEL_IP",
      message: expect.stringContaining(tunnelIp),
    });
  });

  it("refuses to start when the UDP port of VXLAN is taken", async () => {
    const free = await node.occupyUdp(4789);
    try {
      await expect(open()).rejects.toMatchObject({
        reason: "VXLAN_PORT_BUSY",
        message: expect.stringContaining("set NSM_VXLAN_PORT to another port on all nodes"),
      });
    } finally {
      await free();
    }
  });
});

describe("the draw of VNIs", () => {
  it("skips numbers of which a VNI is in use on the node", () => {
    const used = new Set([42, 101]);
    const draws = [21, 50, 60];
    const draw = freeDraw({ isFree: (vni) => !used.has(vni) }, () => draws.shift() ?? 0);
    expect(draw).toBe(60);
  });

  it("gives up after many draws", () => {
    let draws = 0;
    expect(freeDraw({ isFree: () => false }, () => draws++)).toBe(255);
  });
});
