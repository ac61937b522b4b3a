// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { type HostPort, type LinkSide, realClock } from "@nsm/core";
import { type PingOptions, ping } from "@nsm/linux";
import { connectionWith, testContext } from "@nsm/testkit";
import { InstalledContext, reconcilePod } from "../connection-context/index.js";
import { kernelDriver, vxlanDriver } from "../mechanisms/index.js";
import { withPod } from "../pod/index.js";
import { describeInNetns, failingRoute, type Scratch, scratch } from "../test-support/index.js";
import { crossConnect } from "./index.js";

const ctx = testContext({ clock: realClock, timeoutMs: 10_000 });
const nsc = { v4: "172.16.1.101", v6: "fd00::101" };
const nse = { v4: "172.16.1.100", v6: "fd00::100" };

describeInNetns("the cross connect", () => {
  const open: Scratch[] = [];
  const space = async (): Promise<Scratch> => {
    const made = await scratch();
    open.push(made);
    return made;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((made) => made.destroy()));
  });

  /** A pod with its link to a node, addressed. */
  async function pod(
    node: Scratch,
    side: LinkSide,
    mtuBytes = 9000,
  ): Promise<{ pod: Scratch; port: HostPort }> {
    const made = await space();
    const mechanism = newMechanism("LOCAL", "KERNEL", { inodeURL: made.url, name: "nsm-1" });
    const connection = connectionWith({ id: "conn", mechanism, context: { MTU: mtuBytes } });
    const { port } = await kernelDriver(node.route).up(ctx, { side, connection });
    const [own, far] = side === "server" ? [nsc, nse] : [nse, nsc];
    const plan = {
      addresses: [`${own.v4}/32`, `${own.v6}/128`],
      routes: [
        { destination: `${far.v4}/32`, linkScope: true },
        { destination: `${far.v6}/128`, linkScope: true },
      ],
      neighbours: [],
      mtuBytes,
    };
    await withPod(mechanism, (inside) => reconcilePod(ctx, inside, "nsm-1", plan, new InstalledContext()));
    return { pod: made, port };
  }

  async function tunnel(node: Scratch, side: LinkSide, ips: { src: string; dst: string }, mtuBytes: number) {
    const mechanism = newMechanism("REMOTE", "VXLAN", { src_ip: ips.src, dst_ip: ips.dst, vni: "4242" });
    const connection = connectionWith({ id: `conn-${side}`, mechanism, context: { MTU: mtuBytes } });
    const tunnelIp = side === "client" ? ips.src : ips.dst;
    return (await vxlanDriver({ route: node.route, tunnelIp }).up(ctx, { side, connection })).port;
  }

  async function expectPing(
    from: Scratch,
    destination: string,
    options: Partial<PingOptions> = {},
  ): Promise<void> {
    const result = await ping({ destination, netns: from.netns, timeoutMs: 2000, ...options }, realClock);
    expect({ destination, ...result }).toMatchObject({ sent: 1, received: 1 });
  }

  async function expectBothWays(a: Scratch, b: Scratch, payloadBytes = 56): Promise<void> {
    for (const destination of [nse.v4, nse.v6]) await expectPing(a, destination, { payloadBytes });
    for (const destination of [nsc.v4, nsc.v6]) await expectPing(b, destination, { payloadBytes });
  }

  it("carries small and 3000-byte pings of both families between two pods of a node", async () => {
    const node = await space();
    const [client, endpoint] = [await pod(node, "server"), await pod(node, "client")];
    await crossConnect(node.route, client.port, endpoint.port);
    await expectBothWays(client.pod, endpoint.pod);
    await expectBothWays(client.pod, endpoint.pod, 3000);
  });

  it("carries pings between pods of two nodes over VXLAN, fragmented ones too", async () => {
    const [nodeA, nodeB] = [await space(), await space()];
    await nodeA.route.linkAdd({ kind: "veth", name: "eth0", peer: { name: "eth0", netns: nodeB.netns } });
    for (const [node, ip] of [
      [nodeA, "10.99.0.1/24"],
      [nodeB, "10.99.0.2/24"],
    ] as const) {
      await node.route.linkSet("eth0", { up: true });
      await node.route.addressReplace((await node.route.linkGet("eth0"))?.index ?? 0, ip);
    }
    const ips = { src: "10.99.0.1", dst: "10.99.0.2" };
    const client = await pod(nodeA, "server", 1446);
    const endpoint = await pod(nodeB, "client", 1446);
    await crossConnect(nodeA.route, client.port, await tunnel(nodeA, "client", ips, 1446));
    await crossConnect(nodeB.route, await tunnel(nodeB, "server", ips, 1446), endpoint.port);
    await expectBothWays(client.pod, endpoint.pod);
    await expectBothWays(client.pod, endpoint.pod, 3000);
    await expectPing(client.pod, nse.v4, { dontFragment: true, payloadBytes: 1446 - 28 });
  });

  it("touches nothing when run again and follows a port with another index", async () => {
    const node = await space();
    const [client, endpoint] = [await pod(node, "server"), await pod(node, "client")];
    await crossConnect(node.route, client.port, endpoint.port);
    const again = failingRoute(node.route, -1);
    await crossConnect(again, client.port, endpoint.port);
    expect(again.calls).not.toContain("redirectReplace");

    await node.route.linkDelete(endpoint.port.ifindex);
    const successor = await pod(node, "client");
    expect(successor.port.ifindex).not.toBe(endpoint.port.ifindex);
    await crossConnect(node.route, client.port, successor.port);
    await expectBothWays(client.pod, successor.pod);
  });

  it("leaves nothing behind whichever step fails", async () => {
    const node = await space();
    const [client, endpoint] = [await pod(node, "server"), await pod(node, "client")];
    const before = await node.counts();
    let step = 0;
    for (; ; step++) {
      const failing = failingRoute(node.route, step);
      const done = await crossConnect(failing, client.port, endpoint.port).then(
        () => true,
        () => false,
      );
      if (done) break;
      expect(await node.counts()).toEqual(before);
    }
    expect(step).toBe(4);
  });
});
