// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { type LinkRequest, type LinkSide, realClock } from "@nsm/core";
import { connectionWith, testContext } from "@nsm/testkit";
import { describeInNetns, mechanismDriverContract, type Scratch, scratch } from "../test-support/index.js";
import { VniIndex, vxlanDriver } from "./index.js";

const tunnelIp = "10.99.0.1";

interface Tunnel {
  readonly vni?: number;
  readonly dst_ip?: string;
  readonly dst_port?: number;
  readonly side?: LinkSide;
}

function tunnelOf(
  connectionId: string,
  { vni = 1000, dst_ip = "10.99.0.2", dst_port = 4789, side = "client" }: Tunnel = {},
): LinkRequest {
  const parameters = {
    src_ip: tunnelIp,
    src_port: "4789",
    dst_ip,
    dst_port: String(dst_port),
    vni: String(vni),
  };
  const path = { index: 1, pathSegments: [{ id: `first-${connectionId}` }, { id: connectionId }] };
  const mechanism = newMechanism("REMOTE", "VXLAN", parameters);
  return { side, connection: connectionWith({ id: connectionId, path, mechanism, context: { MTU: 1446 } }) };
}

/** One VNI per connection id. */
const vniOf = (connectionId: string): number =>
  [...connectionId].reduce((sum, letter) => sum * 31 + (letter.codePointAt(0) ?? 0), 7) & 0xffffff;

for (const [title, port] of [
  ["the VXLAN driver", 4789],
  ["the VXLAN driver with a peer on another port", 14789],
] as const) {
  mechanismDriverContract(title, async () => {
    const node = await scratch();
    return {
      route: node.route,
      driver: (route) => vxlanDriver({ route, tunnelIp, port }),
      link: (connectionId) => tunnelOf(connectionId, { vni: vniOf(connectionId) }),
      counts: () => node.counts(),
      destroy: () => node.destroy(),
    };
  });
}

describeInNetns("the VXLAN driver", () => {
  let node: Scratch;
  const ctx = testContext({ clock: realClock });
  beforeEach(async () => {
    node = await scratch();
  });
  afterEach(async () => node.destroy());

  it("makes a device with the parameters of its side", async () => {
    const driver = vxlanDriver({ route: node.route, tunnelIp });
    const { port } = await driver.up(ctx, tunnelOf("a"));
    expect(await node.route.linkGet(port.ifindex)).toMatchObject({
      kind: "vxlan",
      mtuBytes: 1446,
      alias: "vxlan-client-first-a/a",
      vxlan: { vni: 1000, local: tunnelIp, remote: "10.99.0.2", port: 4789 },
    });
    expect(await node.route.addresses(port.ifindex)).toEqual([]);
    const server = await driver.up(ctx, tunnelOf("b", { side: "server", vni: 1001 }));
    expect((await node.route.linkGet(server.port.ifindex))?.vxlan).toMatchObject({ remote: tunnelIp });
  });

  it("works over IPv6", async () => {
    const driver = vxlanDriver({ route: node.route, tunnelIp: "fd00::1" });
    const { port } = await driver.up(ctx, tunnelOf("a", { dst_ip: "fd00::2" }));
    expect((await node.route.linkGet(port.ifindex))?.vxlan).toMatchObject({
      local: "fd00::1",
      remote: "fd00::2",
    });
    expect((await driver.up(ctx, tunnelOf("a", { dst_ip: "fd00::2" }))).port).toEqual(port);
  });

  it("listens on its own port and sends to the peer's", async () => {
    const driver = vxlanDriver({ route: node.route, tunnelIp, port: 14789 });
    const { port } = await driver.up(ctx, tunnelOf("a", { dst_port: 4789 }));
    const device = await node.route.linkGet(port.ifindex);
    expect(device?.vxlan?.port).toBe(14789);
    expect(await node.route.forwardingEntries(port.ifindex)).toEqual([
      expect.objectContaining({ macAddress: "00:00:00:00:00:00", remote: "10.99.0.2", port: 4789 }),
    ]);
  });

  it("follows changed parameters of a refresh", async () => {
    const driver = vxlanDriver({ route: node.route, tunnelIp });
    await driver.up(ctx, tunnelOf("a"));
    for (const change of [{ dst_ip: "10.99.0.3" }, { vni: 2000 }, { dst_port: 4790 }, {}]) {
      const { port } = await driver.up(ctx, tunnelOf("a", change));
      const device = await node.route.linkGet(port.ifindex);
      expect(device).toMatchObject({ up: true, vxlan: { vni: change.vni ?? 1000 } });
      const [destination] = await node.route.forwardingEntries(port.ifindex);
      expect(destination?.remote).toBe(change.dst_ip ?? "10.99.0.2");
      expect(destination?.port ?? 4789).toBe(change.dst_port ?? 4789);
    }
    expect((await node.route.links()).filter(({ kind }) => kind === "vxlan")).toHaveLength(1);
  });

  it("refuses a VNI that another device of the node has, whatever its remote", async () => {
    const driver = vxlanDriver({ route: node.route, tunnelIp });
    await driver.up(ctx, tunnelOf("a"));
    const before = await node.counts();
    const clash = driver.up(ctx, tunnelOf("b", { dst_ip: "10.99.0.9" }));
    await expect(clash).rejects.toMatchObject({
      reason: "VNI_IN_USE",
      message: "VNI 1000 is in use on this node",
    });
    expect(await node.counts()).toEqual(before);
  });

  it("knows which VNIs are in use, foreign devices included", async () => {
    await node.route.linkAdd({ kind: "vxlan", name: "foreign", vni: 77, remote: "10.99.0.5", port: 4789 });
    await node.route.linkAdd({ kind: "vxlan", name: "elsewhere", vni: 78, remote: "10.99.0.5", port: 8472 });
    const vnis = new VniIndex();
    vnis.load(await node.route.links(), 4789);
    const driver = vxlanDriver({ route: node.route, tunnelIp, vnis });
    expect([77, 78, 1000].map((vni) => vnis.isFree(vni))).toEqual([false, true, true]);
    const { undo } = await driver.up(ctx, tunnelOf("a"));
    expect(vnis.isFree(1000)).toBe(false);
    await undo.run();
    expect(vnis.isFree(1000)).toBe(true);
    await driver.up(ctx, tunnelOf("a"));
    await driver.up(ctx, tunnelOf("a", { vni: 1002 }));
    expect([1000, 1002].map((vni) => vnis.isFree(vni))).toEqual([true, false]);
    await driver.down(ctx, tunnelOf("a", { vni: 1002 }));
    expect(vnis.size).toBe(1);
  });

  it("tells what to do when the UDP port is taken", async () => {
    const free = await node.occupyUdp(4789);
    try {
      const before = await node.counts();
      const refused = vxlanDriver({ route: node.route, tunnelIp }).up(ctx, tunnelOf("a"));
      await expect(refused).rejects.toMatchObject({
        reason: "VXLAN_PORT_BUSY",
        message: expect.stringContaining("NSM_VXLAN_PORT"),
      });
      expect(await node.counts()).toEqual(before);
    } finally {
      await free();
    }
  });

  it.each([[{ vni: 0 }], [{ dst_ip: "" }], [{ dst_ip: "not-an-ip" }]])(
    "refuses the parameters %j",
    async (change) => {
      const driver = vxlanDriver({ route: node.route, tunnelIp });
      await expect(driver.up(ctx, tunnelOf("a", change))).rejects.toMatchObject({
        reason: "VXLAN_PARAMETERS",
      });
    },
  );
});
