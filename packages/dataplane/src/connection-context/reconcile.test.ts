// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { realClock } from "@nsm/core";
import { mainTable, readSysctl } from "@nsm/linux";
import { testContext } from "@nsm/testkit";
import { describeInNetns, type Scratch, scratch } from "../test-support/index.js";
import { applyMac, InstalledContext, type PodPlan, reconcilePod } from "./index.js";

const plan = (change: Partial<PodPlan>): PodPlan => ({
  addresses: [],
  routes: [],
  neighbours: [],
  mtuBytes: undefined,
  ...change,
});

describeInNetns("the context of a pod's link", () => {
  let pod: Scratch;
  let installed: InstalledContext;
  const ctx = testContext({ clock: realClock, timeoutMs: 5000 });
  const apply = (change: Partial<PodPlan>, into = installed) =>
    reconcilePod(ctx, pod, "nsm-1", plan(change), into);
  const linkIndex = async () => (await pod.route.linkGet("nsm-1"))?.index ?? 0;
  const addresses = async () =>
    (await pod.route.addresses(await linkIndex()))
      .filter(({ scope }) => scope === 0)
      .map(({ address }) => address)
      .sort();
  const routes = async () =>
    (await pod.route.routes({ table: mainTable, linkIndex: await linkIndex() }))
      .filter(({ protocol }) => protocol === 3)
      .map(({ destination, gateway }) =>
        gateway === undefined ? destination : `${destination} via ${gateway}`,
      )
      .sort();

  beforeEach(async () => {
    pod = await scratch();
    installed = new InstalledContext();
    await pod.route.linkAdd({ kind: "veth", name: "nsm-1", peer: { name: "far" } });
    await pod.route.linkSet("far", { up: true });
  });
  afterEach(async () => pod.destroy());

  it("sets link up, MTU, addresses of both families without duplicate detection, routes and neighbours", async () => {
    await apply({
      addresses: ["172.16.1.101/32", "fd00::101/128"],
      routes: [
        { destination: "172.16.1.100/32" },
        { destination: "fd00::100/128" },
        { destination: "0.0.0.0/0", gateway: "172.16.1.100" },
        { destination: "fd01::/64", gateway: "fd00::100" },
      ],
      neighbours: [{ ip: "172.16.1.100", macAddress: "0a:00:00:00:00:07" }],
      mtuBytes: 1446,
    });
    expect(await pod.route.linkGet("nsm-1")).toMatchObject({ up: true, mtuBytes: 1446 });
    expect(await addresses()).toEqual(["172.16.1.101/32", "fd00::101/128"]);
    expect(
      (await pod.route.addresses(await linkIndex())).filter((a) => a.scope === 0 && a.tentative),
    ).toEqual([]);
    expect(await routes()).toEqual([
      "0.0.0.0/0 via 172.16.1.100",
      "172.16.1.100/32",
      "fd00::100/128",
      "fd01::/64 via fd00::100",
    ]);
    const [neighbour] = await pod.route.neighbours(await linkIndex());
    expect(neighbour).toMatchObject({ ip: "172.16.1.100", macAddress: "0a:00:00:00:00:07", state: 2 });
  });

  it("enables IPv6 on the link and lets unprivileged processes ping", async () => {
    pod.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/nsm-1/disable_ipv6");
    await apply({ addresses: ["fd00::1/64"] });
    expect(readSysctl(pod.netns, "net/ipv6/conf/nsm-1/disable_ipv6")).toBe("0");
    // In a user namespace of one group (user_namespaces(7)) the kernel takes that group only
    const ofOneGroup = readFileSync("/proc/self/gid_map", "utf8").trim().endsWith(" 1");
    expect(readSysctl(pod.netns, "net/ipv4/ping_group_range").split(/\s+/)).toEqual([
      "0",
      ofOneGroup ? "0" : "2147483647",
    ]);
  });

  it("changes nothing when the same plan comes again", async () => {
    const wanted = { addresses: ["10.0.0.1/24"], routes: [{ destination: "10.9.0.0/16" }] };
    await apply(wanted);
    const before = [await pod.counts(), await addresses(), await routes()];
    await apply(wanted);
    await apply(wanted, new InstalledContext());
    expect([await pod.counts(), await addresses(), await routes()]).toEqual(before);
  });

  it("removes what an earlier plan had installed, and foreign addresses, but not foreign routes", async () => {
    await apply({
      addresses: ["10.0.0.1/32", "fd00::1/128"],
      routes: [{ destination: "10.9.0.0/16" }, { destination: "fd09::/64" }],
      neighbours: [{ ip: "10.0.0.7", macAddress: "0a:00:00:00:00:07" }],
    });
    await pod.route.addressReplace(await linkIndex(), "10.5.5.5/32");
    await pod.route.routeReplace({
      destination: "10.77.0.0/16",
      linkIndex: await linkIndex(),
      linkScope: true,
    });
    await apply({ addresses: ["10.0.0.2/32"], routes: [{ destination: "10.8.0.0/16" }] });
    expect(await addresses()).toEqual(["10.0.0.2/32"]);
    // The kernel drops all IPv4 routes of a link with its last IPv4 address, the foreign one too
    expect(await routes()).toEqual(["10.8.0.0/16"]);
    expect(await pod.route.neighbours(await linkIndex())).toEqual([]);
    await pod.route.routeReplace({
      destination: "10.77.0.0/16",
      linkIndex: await linkIndex(),
      linkScope: true,
    });
    await apply({ addresses: ["10.0.0.2/32"] });
    expect(await routes()).toEqual(["10.77.0.0/16"]);
  });

  it("removes the routes that an earlier process had installed for other addresses, and only then", async () => {
    const former = { addresses: ["172.16.1.3/32"], routes: [{ destination: "172.16.1.2/32" }] };
    await apply(former);
    const added = { destination: "10.9.0.0/16", linkIndex: await linkIndex(), linkScope: true };
    await pod.route.routeReplace(added);
    await apply(former, new InstalledContext());
    expect(await routes()).toEqual(["10.9.0.0/16", "172.16.1.2/32"]);
    const later = { addresses: ["172.16.2.3/32"], routes: [{ destination: "172.16.2.2/32" }] };
    await apply(later, new InstalledContext());
    expect([await addresses(), await routes()]).toEqual([["172.16.2.3/32"], ["172.16.2.2/32"]]);
  });

  it("replaces an address by another of the same subnet", async () => {
    await apply({ addresses: ["10.0.0.1/24", "10.0.0.3/24"] });
    await apply({ addresses: ["10.0.0.2/24", "10.0.0.3/24"] });
    expect(await addresses()).toEqual(["10.0.0.2/24", "10.0.0.3/24"]);
  });

  it("leaves addresses alone when there never were any, and takes its own away when none are left", async () => {
    await pod.route.addressReplace(await linkIndex(), "10.5.5.5/32");
    await apply({});
    expect(await addresses()).toEqual(["10.5.5.5/32"]);
    await apply({ addresses: ["10.0.0.1/32"] });
    await apply({});
    expect(await addresses()).toEqual([]);
  });

  it("repairs a link that somebody set down", async () => {
    const wanted = {
      addresses: ["10.0.0.1/32", "fd00::1/128"],
      routes: [{ destination: "fd00::2/128" }],
    };
    await apply(wanted);
    await pod.route.linkSet("nsm-1", { up: false });
    await apply(wanted);
    expect(await pod.route.linkGet("nsm-1")).toMatchObject({ up: true });
    expect(await addresses()).toEqual(["10.0.0.1/32", "fd00::1/128"]);
    expect(await routes()).toEqual(["fd00::2/128"]);
  });

  it("starts afresh on a link that was made anew", async () => {
    await apply({ addresses: ["10.0.0.1/32"], routes: [{ destination: "10.9.0.0/16" }] });
    await pod.route.linkDelete("nsm-1");
    await pod.route.linkAdd({ kind: "veth", name: "nsm-1", peer: { name: "far" } });
    await pod.route.addressReplace(await linkIndex(), "10.5.5.5/32");
    await apply({});
    expect(await addresses()).toEqual(["10.5.5.5/32"]);
  });

  it("sets the MAC address of a live link", async () => {
    await apply({ routes: [], addresses: ["10.0.0.1/32"] });
    await applyMac(pod, "nsm-1", "0a:00:00:00:00:09");
    expect(await pod.route.linkGet("nsm-1")).toMatchObject({ up: true, macAddress: "0a:00:00:00:00:09" });
  });

  it("refuses a link that is not there", async () => {
    await pod.route.linkDelete("nsm-1");
    await expect(apply({})).rejects.toMatchObject({ reason: "POD_LINK_MISSING" });
    await expect(applyMac(pod, "nsm-1", "0a:00:00:00:00:09")).rejects.toMatchObject({
      reason: "POD_LINK_MISSING",
    });
  });
});
