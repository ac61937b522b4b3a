// SPDX-License-Identifier: Apache-2.0
import {
  dstIpNets,
  dstIpRoutes,
  dstRoutesWithNextHop,
  formatCidr,
  formatIp,
  IPContext,
  mappedValue,
  netContains,
  parseCidr,
  parseIp,
  srcIpNets,
  srcIpRoutes,
  srcRoutesWithNextHop,
} from "./index.js";

it.each([
  ["10.0.0.1", "10.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::FFFF:0a00:1", "10.0.0.1"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
])("writes %s as %s", (text, canonical) => {
  const address = parseIp(text);
  expect(address).toBeDefined();
  expect(formatIp(address!)).toBe(canonical);
});

it.each(["", "1.2.3", "01.2.3.4", "1.2.3.256", "fe80::1%eth0", "1::2::3", "10.0.0.1/8", " 1.2.3.4"])(
  "takes %j for no address",
  (text) => {
    expect(parseIp(text)).toBeUndefined();
  },
);

it.each([
  ["192.168.3.4/16", "192.168.3.4/16"],
  ["fe80::1/64", "fe80::1/64"],
  ["::ffff:10.1.2.3/104", "10.1.2.3/8"],
  ["0.0.0.0/0", "0.0.0.0/0"],
])("reads the CIDR %s", (text, canonical) => {
  expect(formatCidr(parseCidr(text)!)).toBe(canonical);
});

it("keeps a v4-mapped prefix shorter than 96 bits in the IPv6 family", () => {
  expect(parseCidr("::ffff:10.1.2.3/64")).toEqual({
    address: { family: 6, value: mappedValue({ family: 4, value: 0x0a010203n }) },
    prefixLength: 64,
  });
});

it.each(["", "10.0.0.1", "10.0.0.1/33", "fe80::/129", "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1/8/8", "x/8"])(
  "takes %j for no CIDR",
  (text) => {
    expect(parseCidr(text)).toBeUndefined();
  },
);

it("tells what lies in a network", () => {
  const inside = (net: string, ip: string) => netContains(parseCidr(net)!, parseIp(ip)!);
  expect(inside("10.1.2.3/8", "10.255.0.1")).toBe(true);
  expect(inside("10.1.2.3/8", "11.0.0.0")).toBe(false);
  expect(inside("0.0.0.0/0", "11.0.0.0")).toBe(true);
  expect(inside("0.0.0.0/0", "::1")).toBe(false);
  expect(inside("fe80::/64", "fe80::ffff")).toBe(true);
  expect(inside("fe80::/64", "fe80:0:0:1::")).toBe(false);
});

describe("IP context", () => {
  const context = IPContext.fromPartial({
    srcIpAddrs: ["172.16.0.1/32", "nonsense", "2001:db8::1/128"],
    dstIpAddrs: ["172.16.0.0/32", "10.0.0.1/24", "2001:db8::/128"],
    srcRoutes: [
      { prefix: "172.16.0.0/32" },
      { prefix: "192.168.0.0/16" },
      { prefix: "fd00::/8" },
      { prefix: "1.1.1.0/24", nextHop: "10.0.0.9" },
      { prefix: "10.0.0.77/32" },
      { prefix: "broken" },
    ],
    dstRoutes: [{ prefix: "172.16.0.1/32" }, { prefix: "8.8.8.8/32" }],
  });

  it("keeps host addresses and skips what it cannot read", () => {
    expect(srcIpNets(context).map(formatCidr)).toEqual(["172.16.0.1/32", "2001:db8::1/128"]);
    expect(dstIpNets(context).map(formatCidr)).toEqual(["172.16.0.0/32", "10.0.0.1/24", "2001:db8::/128"]);
    expect(srcIpNets(undefined)).toEqual([]);
  });

  it("adds the peer's first address of the family as next hop, unless the peer's networks hold the route", () => {
    expect(srcRoutesWithNextHop(context).map((route) => route.nextHop)).toEqual([
      "",
      "172.16.0.0",
      "2001:db8::",
      "10.0.0.9",
      "",
      "",
    ]);
    expect(dstRoutesWithNextHop(context).map((route) => route.nextHop)).toEqual(["", "172.16.0.1"]);
    expect(context.srcRoutes[1]!.nextHop).toBe("");
  });

  it("leaves the next hop empty when the peer has no address of the family", () => {
    const v4Only = IPContext.fromPartial({
      dstIpAddrs: ["10.0.0.1/32"],
      srcRoutes: [{ prefix: "fd00::/8" }],
    });
    expect(srcRoutesWithNextHop(v4Only)).toEqual(v4Only.srcRoutes);
  });

  it("gives routes to own addresses that lie outside the peer's networks", () => {
    const overlapping = IPContext.fromPartial({
      srcIpAddrs: ["10.0.0.5/24", "10.9.0.1/32"],
      dstIpAddrs: ["10.0.0.1/24", "x"],
    });
    expect(srcIpRoutes(overlapping).map((route) => route.prefix)).toEqual(["10.9.0.1/32"]);
    expect(dstIpRoutes(overlapping)).toEqual([]);
    expect(dstIpRoutes(context).map((route) => route.prefix)).toEqual(context.dstIpAddrs);
  });
});
