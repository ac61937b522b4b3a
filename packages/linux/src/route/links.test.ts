// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readlinkSync } from "node:fs";
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import { openRouteSocket, type RouteSocket } from "./index.js";

function openDescriptors(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the one that read the directory
    }
  });
}

describeInNetns("links", () => {
  let here: ScratchNetns;
  let there: ScratchNetns;
  let route: RouteSocket;
  let peerRoute: RouteSocket;

  beforeEach(async () => {
    here = await scratchNetns();
    there = await scratchNetns();
    route = openRouteSocket(here.netns);
    peerRoute = openRouteSocket(there.netns);
  });
  afterEach(async () => {
    route.close();
    peerRoute.close();
    await here.destroy();
    await there.destroy();
  });

  const veth = () =>
    ({
      kind: "veth",
      name: "host-1",
      mtuBytes: 9000,
      macAddress: "02:00:00:00:00:01",
      peer: { name: "nsm-1", mtuBytes: 9000, macAddress: "02:00:00:00:00:02", netns: there.netns },
    }) as const;

  it("makes a veth pair with the peer under its final name in another namespace", async () => {
    await route.linkAdd(veth());
    const host = await route.linkGet("host-1");
    const pod = await peerRoute.linkGet("nsm-1");
    expect(host).toMatchObject({ kind: "veth", mtuBytes: 9000, macAddress: "02:00:00:00:00:01", up: false });
    expect(pod).toMatchObject({ kind: "veth", mtuBytes: 9000, macAddress: "02:00:00:00:00:02" });
    expect(host?.peerIndex).toBe(pod?.index);
    expect(host?.netnsId).toBeGreaterThanOrEqual(0);
    expect(host?.statistics?.sentPackets).toBe(0);
  });

  it("marks a link from its first moment on, and later", async () => {
    await route.linkAdd({ ...veth(), group: 0xfedcba98 });
    expect(await route.linkGet("host-1")).toMatchObject({ group: 0xfedcba98 });
    expect(await peerRoute.linkGet("nsm-1")).toMatchObject({ group: 0 });
    await route.linkSet("host-1", { group: 7 });
    expect(await route.linkGet("host-1")).toMatchObject({ group: 7, up: false });
  });

  it("carries out more deletions at once than koffi runs calls", async () => {
    const names = Array.from({ length: 300 }, (_, n) => `absent-${n}`);
    await route.linkAdd(veth());
    const deleted = await Promise.all([...names, "host-1"].map((name) => route.linkDelete(name)));
    expect(deleted.filter((was) => was)).toEqual([true]);
    expect(await route.linkGet("host-1")).toBeUndefined();
  });

  it("leaves nothing behind when the peer's name is taken", async () => {
    await peerRoute.linkAdd({ kind: "bridge", name: "nsm-1" });
    await expect(route.linkAdd(veth())).rejects.toMatchObject({
      code: "EEXIST",
      errno: 17,
      syscall: "RTM_NEWLINK",
    });
    expect((await route.links()).map(({ name }) => name)).toEqual(["lo"]);
    expect((await peerRoute.links()).map(({ name, kind }) => [name, kind])).toEqual([
      ["lo", undefined],
      ["nsm-1", "bridge"],
    ]);
  });

  it("changes flags, MTU, MAC, alias and name", async () => {
    await route.linkAdd(veth());
    await route.linkSet("host-1", {
      up: true,
      mtuBytes: 1400,
      macAddress: "02:00:00:00:00:09",
      alias: "veth-server-abc",
      ipv6AddressGeneration: "none",
    });
    await peerRoute.linkSet("nsm-1", { up: true });
    const link = await route.linkGet("host-1");
    expect(link).toMatchObject({ up: true, lowerUp: true, mtuBytes: 1400, macAddress: "02:00:00:00:00:09" });
    expect(link?.alias).toBe("veth-server-abc");
    expect(await route.addresses(link!.index)).toEqual([]);
    await route.linkSet(link!.index, { name: "renamed", up: false });
    expect(await route.linkGet("host-1")).toBeUndefined();
    expect(await route.linkGet(link!.index)).toMatchObject({ name: "renamed", up: false });
    expect((await route.links()).find(({ name }) => name === "renamed")?.alias).toBe("veth-server-abc");
  });

  it("moves a link into another namespace", async () => {
    await route.linkAdd({ kind: "veth", name: "a", peer: { name: "b" } });
    await route.linkSet("b", { netns: there.netns });
    expect(await route.linkGet("b")).toBeUndefined();
    expect(await peerRoute.linkGet("b")).toMatchObject({ kind: "veth" });
  });

  it("joins and leaves a bridge", async () => {
    await route.linkAdd({ kind: "bridge", name: "br" });
    await route.linkAdd({ kind: "veth", name: "a", peer: { name: "b" } });
    const bridge = await route.linkGet("br");
    await route.linkSet("a", { masterIndex: bridge!.index });
    expect((await route.linkGet("a"))?.masterIndex).toBe(bridge!.index);
    await route.linkSet("a", { masterIndex: 0 });
    expect((await route.linkGet("a"))?.masterIndex).toBeUndefined();
  });

  it.each([
    { remote: "10.0.0.2", local: "10.0.0.1" },
    { remote: "fd00::2", local: "fd00::1" },
  ])("makes a vxlan device to $remote", async (ends) => {
    await route.linkAdd({ kind: "vxlan", name: "vx", vni: 0xabcdef, port: 4789, mtuBytes: 1400, ...ends });
    expect(await route.linkGet("vx")).toMatchObject({
      kind: "vxlan",
      mtuBytes: 1400,
      vxlan: { vni: 0xabcdef, port: 4789, ...ends },
    });
  });

  it("reports the kernel's explanation of a refusal", async () => {
    const spec = { kind: "vxlan", name: "vx", vni: 1 << 24, port: 4789 } as const;
    const error = await route.linkAdd(spec).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "LinuxError", code: "ERANGE", syscall: "RTM_NEWLINK" });
    expect((error as { extAck: string }).extAck).not.toBe("");
    expect((error as Error).message).toContain((error as { extAck: string }).extAck);
  });

  it("counts deleting an absent link as done", async () => {
    await route.linkAdd(veth());
    expect(await route.linkDelete("host-1")).toBe(true);
    expect(await route.linkDelete("host-1")).toBe(false);
    expect(await route.linkDelete(4711)).toBe(false);
    expect(await peerRoute.linkGet("nsm-1")).toBeUndefined();
  });

  it("lists more links than one answer of the kernel holds", async () => {
    for (let i = 0; i < 60; i++)
      await route.linkAdd({ kind: "veth", name: `a${i}`, peer: { name: `b${i}` } });
    const names = (await route.links()).map(({ name }) => name);
    expect(names).toHaveLength(121);
    expect(new Set(names).size).toBe(121);
  });

  it("refuses to work after close", async () => {
    route.close();
    await expect(route.links()).rejects.toMatchObject({ code: "EBADF" });
  });

  it("leaks no descriptor and no link over 200 cycles", async () => {
    // Pipes of processes that earlier tests have started may still be closing
    const descriptors = () => openDescriptors().filter((target) => /^(socket|net):/.test(target)).length;
    const before = descriptors();
    for (let i = 0; i < 200; i++) {
      const cycle = openRouteSocket(here.netns);
      await cycle.linkAdd(veth());
      await expect(cycle.linkAdd(veth())).rejects.toMatchObject({ code: "EEXIST" });
      await cycle.linkDelete("host-1");
      cycle.close();
    }
    expect(descriptors()).toBe(before);
    expect(await route.links()).toHaveLength(1);
  }, 60_000);
});
