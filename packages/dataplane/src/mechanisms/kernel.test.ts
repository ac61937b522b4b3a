// SPDX-License-Identifier: Apache-2.0
import { newMechanism, newPathSegment } from "@nsm/api";
import { Code, type LinkRequest, realClock, withCancel } from "@nsm/core";
import { connectionWith, testContext } from "@nsm/testkit";
import { describeInNetns, mechanismDriverContract, type Scratch, scratch } from "../test-support/index.js";
import { kernelDriver } from "./index.js";

function linkTo(
  url: string,
  connectionId: string,
  name = `if-${connectionId}`,
  mtuBytes = 9000,
): LinkRequest {
  const path = { index: 1, pathSegments: [{ id: `first-${connectionId}` }, { id: connectionId }] };
  const mechanism = newMechanism("LOCAL", "KERNEL", { inodeURL: url, name });
  return {
    side: "server",
    connection: connectionWith({ id: connectionId, path, mechanism, context: { MTU: mtuBytes } }),
  };
}

mechanismDriverContract("the KERNEL driver", async () => {
  const [node, pod] = [await scratch(), await scratch()];
  return {
    route: node.route,
    driver: kernelDriver,
    link: (connectionId) => linkTo(pod.url, connectionId),
    counts: async () => [await node.counts(), await pod.counts()],
    async destroy() {
      await node.destroy();
      await pod.destroy();
    },
  };
});

describeInNetns("the KERNEL driver", () => {
  let node: Scratch;
  let pod: Scratch;
  const ctx = testContext({ clock: realClock });
  beforeEach(async () => {
    [node, pod] = [await scratch(), await scratch()];
  });
  afterEach(async () => {
    await node.destroy();
    await pod.destroy();
  });

  it("gives the pod its end under the wanted name, up, with MTU, alias and a fixed MAC", async () => {
    const { port } = await kernelDriver(node.route).up(ctx, linkTo(pod.url, "a", "nsm-1", 1446));
    const inPod = await pod.route.linkGet("nsm-1");
    expect(inPod).toMatchObject({
      up: true,
      lowerUp: true,
      mtuBytes: 1446,
      alias: "server-first-a",
      peerIndex: port.ifindex,
    });
    expect(inPod?.macAddress).toMatch(/^02:/);
    const host = await node.route.linkGet(port.ifindex);
    expect(host).toMatchObject({ up: true, mtuBytes: 1446, alias: "veth-server-first-a" });
    expect(await node.route.addresses(port.ifindex)).toEqual([]);
  });

  it("takes the MAC address of the ethernet context", async () => {
    const link = linkTo(pod.url, "a", "nsm-1");
    link.connection.context.ethernetContext = {
      srcMac: "0a:00:00:00:00:01",
      dstMac: "0a:00:00:00:00:02",
      vlanTag: 0,
    };
    await kernelDriver(node.route).up(ctx, link);
    expect((await pod.route.linkGet("nsm-1"))?.macAddress).toBe("0a:00:00:00:00:01");
  });

  it("changes the MTU of both ends on a refresh without making the link anew", async () => {
    const driver = kernelDriver(node.route);
    const { port } = await driver.up(ctx, linkTo(pod.url, "a", "nsm-1", 9000));
    const again = await driver.up(ctx, linkTo(pod.url, "a", "nsm-1", 1400));
    expect(again.port).toEqual(port);
    expect(await node.route.linkGet(port.ifindex)).toMatchObject({ mtuBytes: 1400 });
    expect(await pod.route.linkGet("nsm-1")).toMatchObject({ mtuBytes: 1400 });
  });

  it("refuses a name that a foreign link has and leaves nothing behind", async () => {
    await pod.route.linkAdd({ kind: "bridge", name: "nsm-1" });
    const before = [await node.counts(), await pod.counts()];
    const refused = kernelDriver(node.route).up(ctx, linkTo(pod.url, "a", "nsm-1"));
    await expect(refused).rejects.toMatchObject({
      reason: "INTERFACE_EXISTS",
      message: "interface nsm-1 already exists",
    });
    expect([await node.counts(), await pod.counts()]).toEqual(before);
  });

  it("refuses the name of another connection's link, which stays", async () => {
    const driver = kernelDriver(node.route);
    const { port } = await driver.up(ctx, linkTo(pod.url, "a", "nsm-1"));
    await expect(driver.up(ctx, linkTo(pod.url, "b", "nsm-1"))).rejects.toMatchObject({
      reason: "INTERFACE_EXISTS",
    });
    expect(await node.route.linkGet(port.ifindex)).toBeDefined();
  });

  it("replaces a link that an earlier incarnation of the same connection left", async () => {
    await node.route.linkAdd({ kind: "veth", name: "vpp-1", peer: { name: "nsm-1", netns: pod.netns } });
    await pod.route.linkSet("nsm-1", { alias: "server-first-a" });
    const { port } = await kernelDriver(node.route).up(ctx, linkTo(pod.url, "a", "nsm-1"));
    expect((await pod.route.linkGet("nsm-1"))?.peerIndex).toBe(port.ifindex);
    expect(await node.route.linkGet("vpp-1")).toBeUndefined();
  });

  it("leaves the link of the client's next try alone when the caller of this one has left", async () => {
    const driver = kernelDriver(node.route);
    const [former, next] = [linkTo(pod.url, "a", "nsm-1"), linkTo(pod.url, "b", "nsm-1")];
    next.connection.path.pathSegments = [
      { ...newPathSegment(), id: "first-a" },
      { ...newPathSegment(), id: "b" },
    ];
    const { port } = await driver.up(ctx, next);
    const left = withCancel(ctx);
    left.cancel();
    await expect(driver.up(left.ctx, former)).rejects.toMatchObject({ code: Code.CANCELLED });
    expect((await pod.route.linkGet("nsm-1"))?.peerIndex).toBe(port.ifindex);
    await driver.up(ctx, former); // whose caller is there takes its name back
    expect(await node.route.linkGet(port.ifindex)).toBeUndefined();
  });

  it("makes the pair anew when it leads into another pod", async () => {
    const driver = kernelDriver(node.route);
    const other = await scratch();
    try {
      const first = await driver.up(ctx, linkTo(other.url, "a", "nsm-1"));
      const second = await driver.up(ctx, linkTo(pod.url, "a", "nsm-1"));
      expect(second.port.name).toBe(first.port.name);
      expect((await pod.route.linkGet("nsm-1"))?.peerIndex).toBe(second.port.ifindex);
      expect(await other.route.linkGet("nsm-1")).toBeUndefined();
    } finally {
      await other.destroy();
    }
  });

  it("makes the pair anew when the pod's end was renamed", async () => {
    const driver = kernelDriver(node.route);
    await driver.up(ctx, linkTo(pod.url, "a", "nsm-1"));
    const index = (await pod.route.linkGet("nsm-1"))?.index ?? 0;
    await pod.route.linkSet(index, { up: false, name: "renamed" });
    await driver.up(ctx, linkTo(pod.url, "a", "nsm-1"));
    expect(await pod.route.linkGet("renamed")).toBeUndefined();
    expect(await pod.route.linkGet("nsm-1")).toMatchObject({ up: true });
  });

  it.each([
    ["a-name-of-16-chars", "is longer than 15 bytes"],
    ["", "is empty"],
    ["a/b", "cannot have"],
    ["nsm%d", "cannot have"],
    ["all", "is reserved"],
  ])("refuses the interface name %j", async (name, why) => {
    await expect(kernelDriver(node.route).up(ctx, linkTo(pod.url, "a", name))).rejects.toMatchObject({
      reason: "INTERFACE_NAME",
      message: expect.stringContaining(why),
    });
  });

  it.each([
    ["file:///proc/999999999/ns/net", "NETNS_GONE"],
    ["file:///proc/self/ns/mnt", "NOT_A_NETNS"],
    ["file:///dev/null", "NOT_A_NETNS"],
    ["inode://4/4026531840", "NETNS_URL"],
    ["", "NETNS_URL"],
  ])("refuses the namespace %j", async (url, reason) => {
    await expect(kernelDriver(node.route).up(ctx, linkTo(url, "a"))).rejects.toMatchObject({ reason });
  });

  it("says that the mechanism names no namespace", async () => {
    await expect(kernelDriver(node.route).up(ctx, linkTo("", "a"))).rejects.toThrow(
      "the KERNEL mechanism names no network namespace: parameter inodeURL is missing",
    );
  });

  it.each([
    [{ MTU: 67 }, "MTU", "MTU 67"],
    [{ ethernetContext: { srcMac: "02:00" } }, "MAC", '"02:00"'],
  ])("refuses the context %j before it makes anything", async (context, reason, text) => {
    const link = linkTo(pod.url, "a");
    const connection = connectionWith({ ...link.connection, context });
    await expect(kernelDriver(node.route).up(ctx, { ...link, connection })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      reason,
      message: expect.stringContaining(text),
    });
  });
});
