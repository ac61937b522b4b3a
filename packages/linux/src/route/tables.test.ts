// SPDX-License-Identifier: Apache-2.0
import { AF_INET, AF_INET6 } from "../netlink/index.js";
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import { openRouteSocket, type RouteSocket, scope } from "./index.js";

describeInNetns("tables of a namespace", () => {
  let scratch: ScratchNetns;
  let route: RouteSocket;
  let link: number;

  beforeEach(async () => {
    scratch = await scratchNetns();
    route = openRouteSocket(scratch.netns);
    await route.linkAdd({ kind: "veth", name: "a", peer: { name: "b" } });
    await route.linkSet("a", { up: true, ipv6AddressGeneration: "none" });
    await route.linkSet("b", { up: true, ipv6AddressGeneration: "none" });
    link = (await route.linkGet("a"))!.index;
  });
  afterEach(async () => {
    route.close();
    await scratch.destroy();
  });

  it("hold addresses that are permanent and usable at once", async () => {
    await route.addressReplace(link, "172.16.1.101/32");
    await route.addressReplace(link, "fd00::1/64");
    await route.addressReplace(link, "fd00::1/64");
    const found = await route.addresses(link);
    expect(found.map(({ address, scope, tentative }) => ({ address, scope, tentative }))).toEqual([
      { address: "172.16.1.101/32", scope: scope.UNIVERSE, tentative: false },
      { address: "fd00::1/64", scope: scope.UNIVERSE, tentative: false },
    ]);
    expect(found.every(({ flags }) => (flags & 0x80) !== 0)).toBe(true);
    expect((await route.addresses()).length).toBeGreaterThanOrEqual(2);
    expect(await route.addressDelete(link, "fd00::1/64")).toBe(true);
    expect(await route.addressDelete(link, "fd00::1/64")).toBe(false);
    expect(await route.addressDelete(4711, "fd00::1/64")).toBe(false);
    expect((await route.addresses(link)).map(({ address }) => address)).toEqual(["172.16.1.101/32"]);
  });

  it("refuse a malformed address", async () => {
    await expect(route.addressReplace(link, "172.16.1/24")).rejects.toMatchObject({ code: "EINVAL" });
    await expect(route.addressReplace(4711, "172.16.1.1/24")).rejects.toMatchObject({ code: "ENODEV" });
  });

  it("hold routes, on-link and over a next hop that is not reachable yet", async () => {
    await route.addressReplace(link, "172.16.1.101/32");
    await route.addressReplace(link, "fd00::1/128");
    const onLink = { destination: "172.16.1.100/32", linkIndex: link, linkScope: true };
    const gateway = {
      destination: "10.1.2.3/8",
      linkIndex: link,
      gateway: "172.16.9.9",
      source: "172.16.1.101",
    };
    const six = { destination: "fd01::/64", linkIndex: link, gateway: "fd00::2" };
    for (const spec of [onLink, gateway, six, gateway]) await route.routeReplace(spec);
    const found = (await route.routes({ table: 254 }))
      .filter(({ protocol }) => protocol === 3)
      .map(({ destination, gateway, scope, source }) => ({
        destination,
        gateway,
        scope,
        source,
      }));
    expect(found).toEqual([
      { destination: "10.0.0.0/8", gateway: "172.16.9.9", scope: scope.UNIVERSE, source: "172.16.1.101" },
      { destination: "172.16.1.100/32", scope: scope.LINK },
      { destination: "fd01::/64", gateway: "fd00::2", scope: scope.UNIVERSE },
    ]);
    expect(await route.routeDelete(gateway)).toBe(true);
    expect(await route.routeDelete(gateway)).toBe(false);
    expect(await route.routeDelete(six)).toBe(true);
  });

  it("hold default routes of both families in tables above 255", async () => {
    await route.routeReplace({ destination: "0.0.0.0/0", linkIndex: link, table: 4000 });
    await route.routeReplace({ destination: "::/0", linkIndex: link, table: 4000 });
    expect(await route.routes({ table: 4000 })).toMatchObject([
      { family: AF_INET, destination: "0.0.0.0/0", linkIndex: link, protocol: 3, type: 1 },
      { family: AF_INET6, destination: "::/0", linkIndex: link },
    ]);
    expect(await route.routes({ table: 4000, family: AF_INET6 })).toHaveLength(1);
    expect(await route.routes({ table: 4000, linkIndex: link + 1 })).toEqual([]);
    expect((await route.routes()).length).toBeGreaterThan(2);
  });

  it("refuse a gateway of another family and a route through a link that is down", async () => {
    const mixed = { destination: "10.0.0.0/8", linkIndex: link, gateway: "fd00::1" };
    await expect(route.routeReplace(mixed)).rejects.toThrow(TypeError);
    await route.linkSet(link, { up: false });
    const down = { destination: "10.0.0.0/8", linkIndex: link };
    await expect(route.routeReplace(down)).rejects.toMatchObject({
      code: "ENETDOWN",
      syscall: "RTM_NEWROUTE",
    });
  });

  it("hold rules by source, protocol and ports; later ones come first", async () => {
    const tcp = {
      family: AF_INET,
      source: "172.16.2.201/32",
      ipProtocol: 6,
      destinationPorts: { start: 6666, end: 6666 },
      table: 1,
    } as const;
    const udp = {
      family: AF_INET,
      ipProtocol: 17,
      sourcePorts: { start: 6667, end: 6670 },
      destination: "10.0.0.0/8",
      table: 1000,
    } as const;
    const six = { family: AF_INET6, source: "2004::3/128", ipProtocol: 17, table: 5, priority: 77 } as const;
    for (const rule of [tcp, udp, six]) await route.ruleAdd(rule);
    const own = (await route.rules(AF_INET)).filter(({ table }) => table < 253 || table > 255);
    expect(own).toEqual([
      { ...udp, priority: 32764 },
      { ...tcp, priority: 32765 },
    ]);
    expect(await route.rules(AF_INET6)).toContainEqual(six);
    expect((await route.rules()).length).toBeGreaterThanOrEqual(8);
    await expect(route.ruleAdd(six)).rejects.toMatchObject({ code: "EEXIST" });
    for (const rule of [tcp, udp, six]) {
      expect(await route.ruleDelete(rule)).toBe(true);
      expect(await route.ruleDelete(rule)).toBe(false);
    }
  });

  it("hold neighbours", async () => {
    await route.neighbourReplace(link, "172.16.1.100", "02:00:00:00:00:01", "reachable");
    await route.neighbourReplace(link, "172.16.1.100", "02:00:00:00:00:07", "permanent");
    await route.neighbourReplace(link, "fd00::2", "02:00:00:00:00:08", "reachable");
    expect(await route.neighbours(link)).toEqual([
      { linkIndex: link, ip: "172.16.1.100", macAddress: "02:00:00:00:00:07", state: 0x80 },
      { linkIndex: link, ip: "fd00::2", macAddress: "02:00:00:00:00:08", state: 0x02 },
    ]);
    expect(await route.neighbours(link + 1)).toEqual([]);
    expect(await route.neighbourDelete(link, "fd00::2")).toBe(true);
    expect(await route.neighbourDelete(link, "fd00::3")).toBe(false);
    expect(await route.neighbours(link)).toHaveLength(1);
  });

  it("hold default destinations of a vxlan device with a port of their own", async () => {
    await route.linkAdd({ kind: "vxlan", name: "vx", vni: 9, port: 4789, local: "10.0.0.1" });
    const vxlan = (await route.linkGet("vx"))!.index;
    await route.forwardingDefaultAdd(vxlan, { remote: "10.0.0.2", port: 4466 });
    expect(await route.forwardingEntries(vxlan)).toEqual([
      { macAddress: "00:00:00:00:00:00", remote: "10.0.0.2", port: 4466 },
    ]);
    expect(await route.forwardingDefaultDelete(vxlan, { remote: "10.0.0.2", port: 4466 })).toBe(true);
    expect(await route.forwardingDefaultDelete(vxlan, { remote: "10.0.0.2", port: 4466 })).toBe(false);
    expect(await route.forwardingEntries(vxlan)).toEqual([]);
    await expect(route.forwardingDefaultAdd(4711, { remote: "10.0.0.2" })).rejects.toMatchObject({
      code: "ENODEV",
    });
  });
});
