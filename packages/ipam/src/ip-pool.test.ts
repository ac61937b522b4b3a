// SPDX-License-Identifier: Apache-2.0
import { DualStackPool, hostCidr, IpPool } from "./index.js";

const pool = (family: 4 | 6, ...entries: string[]): IpPool => {
  const result = new IpPool(family);
  for (const entry of entries) entry.includes("/") ? result.addNet(entry) : result.add(entry);
  return result;
};

// cases of upstream's pkg/tools/ippool tests
describe.each([
  [4, ["192.168.1.255", "192.168.3.0", "192.168.2.0", "192.168.2.255"], [1, 2, 2, 2]],
  [4, ["192.168.1.0/31", "192.168.10.0/24", "192.168.1.0/24", "192.168.11.0/24"], [1, 2, 2, 2]],
  [6, ["::1:ffff", "::1:0", "::2:0", "::ffff"], [1, 2, 2, 2]],
  [6, ["::1:0/127", "::10:0/112", "::1:0/112", "::11:0/112"], [1, 2, 2, 2]],
] as const)("adding to a pool of family %d: %j", (family, entries, counts) => {
  it("merges ranges that overlap or touch", () => {
    const made = new IpPool(family);
    const seen = entries.map((entry) => {
      entry.includes("/") ? made.addNet(entry) : made.add(entry);
      return made.rangeCount;
    });
    expect(seen).toEqual(counts);
  });
});

it("knows its addresses in both notations and whole networks only inside one range", () => {
  const v4 = IpPool.of("192.168.0.0/16");
  expect(v4.contains("192.168.0.1")).toBe(true);
  expect(v4.contains("::ffff:192.168.0.1")).toBe(true);
  expect(v4.contains("192.167.0.1")).toBe(false);
  expect(v4.contains("::c0a8:1")).toBe(false);
  expect(v4.containsNet("192.168.4.0/24")).toBe(true);
  expect(v4.containsNet("::ffff:192.168.4.0/120")).toBe(true);
  expect(v4.containsNet("192.0.0.0/8")).toBe(false);
  v4.exclude("192.168.4.7");
  expect(v4.containsNet("192.168.4.0/24")).toBe(false);
  const v6 = IpPool.of("::/64");
  expect(v6.contains("::0:1")).toBe(true);
  expect(v6.contains("0:1::0:1")).toBe(false);
});

it("splits and joins ranges on exclusion", () => {
  const v4 = IpPool.of("192.0.0.0/8");
  const nets = ["192.255.0.0/16", "192.0.1.0/24", "192.0.0.0/16", "::ffff:192.2.0.0/112"];
  const counts = nets.map((net) => {
    v4.excludeNet(net);
    return v4.rangeCount;
  });
  expect(counts).toEqual([1, 2, 1, 2]);
  const v6 = IpPool.of("::/32");
  const v6Counts = ["0:0:ffff:ffff::/64", "::1:0/112", "::/64"].map((net) => {
    v6.excludeNet(net);
    return v6.rangeCount;
  });
  expect(v6Counts).toEqual([1, 2, 1]);
});

it.each([
  [
    "192.0.0.0/8",
    ["192.0.0.0", "192.0.0.0/24", "192.0.1.0", "192.0.0.6/31", "192.0.0.6", "192.0.0.7", "192.0.1.1"],
  ],
  ["::/32", ["::", "::/112", "::1:0", "::6/127", "::6", "::7", "::1:1"]],
])("gives the lowest address of %s after each change", (net, [first, excluded, second, added, ...rest]) => {
  const made = IpPool.of(net);
  expect(made.pull()).toBe(first);
  made.excludeNet(excluded!);
  expect(made.pull()).toBe(second);
  made.addNet(added!);
  expect([made.pull(), made.pull(), made.pull()]).toEqual(rest);
  made.excludeNet(net);
  expect(() => made.pull()).toThrow("IPPool is empty");
});

it("gives the lowest address that is not excluded and keeps the excluded ones", () => {
  const made = IpPool.of("10.0.0.0/30");
  expect(made.pull(pool(4, "10.0.0.0", "10.0.0.1"))).toBe("10.0.0.2");
  expect(made.pull(pool(6, "::/0"))).toBe("10.0.0.0");
  expect(made.prefixes()).toEqual(["10.0.0.1/32", "10.0.0.3/32"]);
});

it("takes a wanted address once", () => {
  const made = IpPool.of("10.0.0.0/24");
  expect(made.pullIp("::ffff:10.0.0.7")).toBe("10.0.0.7");
  expect(() => made.pullIp("10.0.0.7")).toThrow("IPPool doesn't contain required IP");
  expect(() => made.pullIp("10.0.1.0")).toThrow("IPPool doesn't contain required IP");
  expect(() => made.pullIp("10.0.0.8", pool(4, "10.0.0.8/31"))).toThrow("IPPool doesn't contain required IP");
  expect(() => made.pullIp("fe80::1")).toThrow("IPPool doesn't contain required IP");
  expect(made.pullIp("10.0.0.8")).toBe("10.0.0.8");
});

it.each([
  [
    "192.0.0.0/8",
    ["192.0.0.0/32", "192.0.0.2/32"],
    ["192.0.0.1", "192.0.0.3"],
    ["192.0.0.0", "192.0.0.2"],
    "192.0.0.4",
  ],
  ["::/32", ["::/128", "::2/128"], ["::1", "::3"], ["::", "::2"], "::4"],
])("gives the two lowest allowed addresses of %s", (net, excluded, first, second, next) => {
  const made = IpPool.of(net);
  expect(made.pullPointToPoint(pool(made.family, ...excluded))).toEqual(first);
  expect(made.pullPointToPoint()).toEqual(second);
  expect(made.pull()).toBe(next);
});

it("skips a v4-mapped exclusion", () => {
  const made = IpPool.of("192.0.0.0/8");
  const excluded = pool(4, "::ffff:192.0.0.0/120", "192.0.1.1/32");
  expect(made.pullPointToPoint(excluded)).toEqual(["192.0.1.0", "192.0.1.2"]);
});

it("keeps a single address when a pair is asked for", () => {
  const made = IpPool.of("10.0.0.1/32");
  expect(() => made.pullPointToPoint()).toThrow(expect.objectContaining({ reason: "NSM_IPAM_EMPTY" }));
  expect(made.pull()).toBe("10.0.0.1");
});

it("lists its free addresses as the shortest list of CIDRs", () => {
  const v4 = IpPool.of("192.0.0.0/16");
  v4.addNet("192.1.0.0/16");
  expect(v4.prefixes()).toEqual(["192.0.0.0/15"]);
  v4.addNet("192.2.0.0/31");
  v4.add("192.15.0.0");
  expect(v4.prefixes()).toEqual(["192.0.0.0/15", "192.2.0.0/31", "192.15.0.0/32"]);
  const v6 = pool(
    6,
    "fe80::/64",
    "fe80:0:0:1::/64",
    "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:0/112",
    "fe80:0:0:15::",
  );
  expect(v6.prefixes()).toEqual([
    "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:0/112",
    "fe80::/63",
    "fe80:0:0:15::/128",
  ]);
  v6.addNet("::/0");
  expect(v6.prefixes()).toEqual(["::/0"]);
  expect(IpPool.of("0.0.0.0/0").prefixes()).toEqual(["0.0.0.0/0"]);
  const holed = IpPool.of("10.0.0.0/29");
  holed.exclude("10.0.0.3");
  expect(holed.prefixes()).toEqual(["10.0.0.0/31", "10.0.0.2/32", "10.0.0.4/30"]);
});

it("gives the lowest aligned free network and skips excluded ones", () => {
  const made = IpPool.of("172.16.0.0/16");
  expect(made.pullNet(30)).toBe("172.16.0.0/30");
  expect(made.pullNet(24)).toBe("172.16.1.0/24");
  expect(made.pullNet(24, pool(4, "172.16.2.9", "172.16.3.0/25"))).toBe("172.16.4.0/24");
  expect(made.pullNet(24)).toBe("172.16.2.0/24");
  expect(made.pullNet(30)).toBe("172.16.0.4/30");
  expect(() => made.pullNet(16)).toThrow("IPPool is empty");
  expect(() => made.pullNet(33)).toThrow("prefix length must be from 0 to 32: 33");
  expect(IpPool.of("2001:db8::/32").pullNet(48)).toBe("2001:db8::/48");
});

it("ignores what is of the other family", () => {
  const made = IpPool.of("10.0.0.0/31");
  made.add("fe80::1");
  made.addNet("::/0");
  made.exclude("::1");
  made.excludeNet("::/0");
  made.excludePool(IpPool.of("::/0"));
  expect(made.prefixes()).toEqual(["10.0.0.0/31"]);
});

it("copies independently", () => {
  const made = IpPool.of("10.0.0.0/31");
  made.copy().pull();
  expect(made.size).toBe(2n);
});

it.each([
  "",
  "10.0.0.0",
  "10.0.0.0/33",
  "10.0.0.0/x",
  "10.0.0/8",
  "::/129",
  "fe80::%eth0/64",
  "10.0.0.0/8/8",
  "/8",
])("names the text %j that is no CIDR", (text) => {
  expect(() => IpPool.of(text)).toThrow(`not a CIDR: ${JSON.stringify(text)}`);
});

it.each(["", "10.0.0.0/8", "10.0.0.256", "010.0.0.1", "fe80::1%eth0"])(
  "names the text %j that is no address",
  (text) => {
    expect(() => new IpPool(4).add(text)).toThrow(`not an IP address: ${JSON.stringify(text)}`);
  },
);

it("draws in a bounded number of range steps from a /8 with 1000 exclusions", () => {
  const made = IpPool.of("10.0.0.0/8");
  const excluded = new IpPool(4);
  // every second /24, far apart from where the draws happen and right below them
  for (let i = 0; i < 1000; i++) excluded.addNet(`10.${1 + ((i * 2) >> 8)}.${(i * 2) & 255}.0/24`);
  expect(excluded.rangeCount).toBe(1000);
  made.excludeNet("10.0.0.0/16");
  const before = made.rangeSteps + excluded.rangeSteps;
  for (let i = 0; i < 100; i++) made.pullPointToPoint(excluded);
  // two look-ups per address in each set and four for its removal, each of them log2(1000) = 10 at most
  const stepsPerDraw = (made.rangeSteps + excluded.rangeSteps - before) / 100;
  expect(stepsPerDraw).toBeGreaterThan(1);
  expect(stepsPerDraw).toBeLessThan(100);
});

describe("dual stack pool", () => {
  it("dispatches by family and lists IPv4 first", () => {
    const both = DualStackPool.of(["2001:db8::/64", "10.0.0.0/24", "10.0.1.7"]);
    expect(both.prefixes()).toEqual(["10.0.0.0/24", "10.0.1.7/32", "2001:db8::/64"]);
    both.exclude("10.0.0.128/25");
    both.exclude("2001:db8::");
    both.add("::ffff:10.0.1.6");
    expect(both.contains("10.0.0.200")).toBe(false);
    expect(both.contains("2001:db8::/127")).toBe(false);
    expect(both.contains("2001:db8::2/127")).toBe(true);
    expect(both.contains("10.0.1.6/31")).toBe(true);
    expect(both.family(6).contains("2001:db8::1")).toBe(true);
    const copy = both.copy();
    copy.exclude("10.0.0.0/8");
    expect(both.family(4).contains("10.0.0.1")).toBe(true);
  });

  it("refuses unreadable text or skips it", () => {
    expect(() => DualStackPool.of(["10.0.0.0/24", "x"])).toThrow('not a CIDR: "x"');
    expect(DualStackPool.ofReadable(["10.0.0.0/24", "x"]).prefixes()).toEqual(["10.0.0.0/24"]);
  });
});

it("writes host CIDRs in canonical text", () => {
  expect(hostCidr("10.0.0.1")).toBe("10.0.0.1/32");
  expect(hostCidr("FE80:0::1")).toBe("fe80::1/128");
  expect(hostCidr("::ffff:10.0.0.1")).toBe("10.0.0.1/32");
});
