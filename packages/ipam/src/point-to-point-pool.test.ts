// SPDX-License-Identifier: Apache-2.0
import { type AddressRequest, PointToPointPool } from "./index.js";

const ask = (change: Partial<AddressRequest> = {}): AddressRequest => ({
  srcIpAddrs: [],
  dstIpAddrs: [],
  excludedPrefixes: [],
  ...change,
});

/** Acquires as a request that succeeds does. */
const give = (pool: PointToPointPool, id: string, change: Partial<AddressRequest> = {}): string => {
  const lease = pool.acquire(id, ask(change));
  lease.commit();
  return `${lease.pair.dst} ${lease.pair.src}`;
};

// cases of upstream's point2pointipam tests
it.each([
  ["192.168.3.4/16", "192.168.0.0 192.168.0.1", "192.168.0.2 192.168.0.3", "192.168.0.4 192.168.0.5"],
  ["fe80::/64", "fe80:: fe80::1", "fe80::2 fe80::3", "fe80::4 fe80::5"],
])(
  "gives the lower address of %s to the endpoint and released pairs again",
  (prefix, first, second, third) => {
    const pool = new PointToPointPool([prefix]);
    expect([give(pool, "a"), give(pool, "b")]).toEqual([first, second]);
    pool.release("a");
    pool.release("a");
    expect([give(pool, "c"), give(pool, "d")]).toEqual([first, third]);
    expect(pool.size).toBe(3);
  },
);

it("skips excluded addresses, bare and CIDR", () => {
  const pool = new PointToPointPool(["192.168.3.4/16"]);
  const excludedPrefixes = ["192.168.0.1/32", "192.168.0.3", "nonsense", "192.168.0.6/32"];
  expect(["a", "b", "c"].map((id) => give(pool, id, { excludedPrefixes }))).toEqual([
    "192.168.0.0 192.168.0.2",
    "192.168.0.4 192.168.0.5",
    "192.168.0.7 192.168.0.8",
  ]);
});

it("is empty after the one pair of a /31 or when all is excluded", () => {
  const pool = new PointToPointPool(["192.168.1.2/31"]);
  const empty = expect.objectContaining({ code: "RESOURCE_EXHAUSTED", message: "IPPool is empty" });
  expect(() => pool.acquire("x", ask({ excludedPrefixes: ["192.168.1.2/31"] }))).toThrow(empty);
  expect(give(pool, "a")).toBe("192.168.1.2 192.168.1.3");
  expect(() => pool.acquire("b", ask())).toThrow(empty);
  expect(pool.pairOf("b")).toBeUndefined();
});

it("keeps the pair on refresh until one of its addresses is excluded", () => {
  const pool = new PointToPointPool(["192.168.0.0/16"]);
  give(pool, "a");
  expect(give(pool, "a", { excludedPrefixes: ["10.0.0.0/8"] })).toBe("192.168.0.0 192.168.0.1");
  const lease = pool.acquire("a", ask({ excludedPrefixes: ["192.168.0.1/30"] }));
  expect(lease.pair).toEqual({ dst: "192.168.0.4", src: "192.168.0.5" });
  expect(lease.replaced).toEqual({ dst: "192.168.0.0", src: "192.168.0.1" });
  expect(give(pool, "b")).toBe("192.168.0.2 192.168.0.3");
  lease.commit();
  expect(give(pool, "c")).toBe("192.168.0.0 192.168.0.1");
});

it("keeps the address that is still allowed when the other one is excluded", () => {
  const pool = new PointToPointPool(["192.168.0.0/30"]);
  give(pool, "a");
  const excludedPrefixes = ["192.168.0.1/32"];
  expect(give(pool, "a", { excludedPrefixes })).toBe("192.168.0.0 192.168.0.2");
  expect(pool.freePrefixes()).toEqual(["192.168.0.1/32", "192.168.0.3/32"]);
  pool.release("a");
  expect(pool.freePrefixes()).toEqual(["192.168.0.0/30"]);
});

it("gives a new pair back and forgets the connection when its request failed", () => {
  const pool = new PointToPointPool(["192.168.0.0/16"]);
  const lease = pool.acquire("a", ask());
  lease.rollback();
  lease.rollback();
  lease.commit();
  expect(pool.pairOf("a")).toBeUndefined();
  expect(pool.freePrefixes()).toEqual(["192.168.0.0/16"]);
});

it("restores the former pair when a replacement failed or could not be had", () => {
  const pool = new PointToPointPool(["192.168.0.0/29"]);
  give(pool, "a");
  pool.acquire("a", ask({ excludedPrefixes: ["192.168.0.0/32"] })).rollback();
  expect(pool.pairOf("a")).toEqual({ dst: "192.168.0.0", src: "192.168.0.1" });
  expect(() => pool.acquire("a", ask({ excludedPrefixes: ["192.168.0.0/16"] }))).toThrow("IPPool is empty");
  expect(pool.pairOf("a")).toEqual({ dst: "192.168.0.0", src: "192.168.0.1" });
  expect(pool.freePrefixes()).toEqual(["192.168.0.2/31", "192.168.0.4/30"]);
});

it("does not undo a refresh that failed", () => {
  const pool = new PointToPointPool(["192.168.0.0/16"]);
  give(pool, "a");
  pool.acquire("a", ask()).rollback();
  expect(pool.pairOf("a")).toEqual({ dst: "192.168.0.0", src: "192.168.0.1" });
});

it("gives everything back when a connection is released before its lease is settled", () => {
  const pool = new PointToPointPool(["192.168.0.0/29"]);
  give(pool, "a");
  const lease = pool.acquire("a", ask({ excludedPrefixes: ["192.168.0.1/32"] }));
  pool.release("a");
  lease.rollback();
  expect(pool.freePrefixes()).toEqual(["192.168.0.0/29"]);
});

describe("recovery", () => {
  const former = { srcIpAddrs: ["192.168.3.5/32"], dstIpAddrs: ["192.168.3.4/32"] };

  it("takes the pair named by a new request", () => {
    const pool = new PointToPointPool(["192.168.0.0/16"]);
    expect(give(pool, "a", former)).toBe("192.168.3.4 192.168.3.5");
    expect(give(pool, "b", former)).toBe("192.168.0.0 192.168.0.1");
    pool.release("a");
    expect(give(pool, "c", former)).toBe("192.168.3.4 192.168.3.5");
  });

  it("takes the first free ones and skips unreadable and foreign ones", () => {
    const pool = new PointToPointPool(["192.168.0.0/16"]);
    const lists = {
      srcIpAddrs: ["x", "fe80::1/128", "10.0.0.1/32", "192.168.9.1/24", "192.168.9.3/24"],
      dstIpAddrs: ["192.168.9.2"],
    };
    expect(give(pool, "a", lists)).toBe("192.168.9.2 192.168.9.1");
  });

  it("gives a half recovered pair back", () => {
    const pool = new PointToPointPool(["192.168.0.0/16"]);
    give(pool, "a", former);
    expect(give(pool, "b", { srcIpAddrs: ["192.168.7.7/32"], dstIpAddrs: former.dstIpAddrs })).toBe(
      "192.168.0.0 192.168.0.1",
    );
    pool.release("a");
    pool.release("b");
    expect(pool.freePrefixes()).toEqual(["192.168.0.0/16"]);
  });

  it("does not take excluded addresses", () => {
    const pool = new PointToPointPool(["192.168.0.0/16"]);
    expect(give(pool, "a", { ...former, excludedPrefixes: ["192.168.3.0/24"] })).toBe(
      "192.168.0.0 192.168.0.1",
    );
  });
});

describe("several prefixes", () => {
  it("are used up in order", () => {
    const pool = new PointToPointPool(["10.0.0.0/31", "fe80::/127"]);
    expect([give(pool, "a"), give(pool, "b")]).toEqual(["10.0.0.0 10.0.0.1", "fe80:: fe80::1"]);
  });

  it("share no address when they overlap", () => {
    const pool = new PointToPointPool(["10.0.0.0/31", "10.0.0.0/30", "10.0.0.0/30"]);
    expect([give(pool, "a"), give(pool, "b")]).toEqual(["10.0.0.0 10.0.0.1", "10.0.0.2 10.0.0.3"]);
    expect(() => pool.acquire("c", ask())).toThrow("IPPool is empty");
  });

  it("may hold one that is too small beside another", () => {
    const pool = new PointToPointPool(["10.0.0.9/32", "10.0.0.0/31"]);
    expect(give(pool, "a")).toBe("10.0.0.0 10.0.0.1");
  });
});

it("refuses prefixes that can never give a pair and names them", () => {
  expect(() => new PointToPointPool([])).toThrow("required one or more prefixes");
  expect(() => new PointToPointPool(["10.0.0.0/8", "10.0.0.1"])).toThrow('not a CIDR: "10.0.0.1"');
  expect(() => new PointToPointPool(["10.0.0.1/32", "fe80::1/128"])).toThrow(
    "a pair needs two addresses, which none of these prefixes has: 10.0.0.1/32,fe80::1/128",
  );
});

it("forgets old exclusion lists and still honours each list", () => {
  const pool = new PointToPointPool(["10.0.0.0/24"]);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 40; i += 2) {
      const excludedPrefixes = [`10.0.0.${i}/31`];
      const lease = pool.acquire("x", ask({ excludedPrefixes }));
      expect(lease.pair.dst).not.toBe(`10.0.0.${i}`);
      lease.rollback();
      pool.release("x");
    }
  }
});
