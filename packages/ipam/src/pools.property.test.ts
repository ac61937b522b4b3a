// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { PointToPointPool } from "./index.js";
import { RangeSet } from "./range-set.js";

const WIDTH = 48;
const range = fc
  .tuple(fc.integer({ min: 0, max: WIDTH - 1 }), fc.integer({ min: 0, max: 12 }))
  .map(([first, length]) => ({ first: BigInt(first), last: BigInt(Math.min(first + length, WIDTH - 1)) }));
const change = fc.record({ kind: fc.constantFrom("add", "remove", "addAll"), range });

const members = (set: RangeSet): number[] =>
  set.ranges.flatMap(({ first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, i) => Number(first) + i),
  );

const apply = (changes: readonly { kind: string; range: { first: bigint; last: bigint } }[]) => {
  const set = new RangeSet();
  const model = new Set<number>();
  for (const { kind, range: r } of changes) {
    if (kind === "remove") set.remove(r);
    else if (kind === "add") set.add(r);
    else set.addAll([r]);
    for (let i = Number(r.first); i <= Number(r.last); i++)
      kind === "remove" ? model.delete(i) : model.add(i);
  }
  return { set, model: [...model].sort((a, b) => a - b) };
};

it("a range set is the set of its numbers in the fewest ascending ranges", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
      const { set, model } = apply(changes);
      expect(members(set)).toEqual(model);
      set.ranges.forEach((r, i) => {
        const next = set.ranges[i + 1];
        if (next !== undefined) expect(next.first).toBeGreaterThan(r.last + 1n);
      });
    }),
    { numRuns: 500 },
  );
});

it("the lowest number and block are those of an exhaustive search", () => {
  const changes = fc.array(change, { maxLength: 12 });
  const size = fc.constantFrom(1, 2, 4, 8);
  fc.assert(
    fc.property(
      changes,
      changes,
      size,
      fc.integer({ min: 0, max: WIDTH }),
      (own, excluded, blockSize, from) => {
        const { set, model } = apply(own);
        const barrier = apply(excluded);
        const free = model.filter((n) => !barrier.model.includes(n));
        const lowest = free.find((n) => n >= from);
        expect(set.lowest(BigInt(from), barrier.set)).toBe(lowest === undefined ? undefined : BigInt(lowest));
        const block = free.find(
          (n) =>
            n % blockSize === 0 &&
            Array.from({ length: blockSize }, (_, i) => n + i).every((m) => free.includes(m)),
        );
        const found = set.lowestBlock(BigInt(blockSize), barrier.set);
        expect(found).toBe(block === undefined ? undefined : BigInt(block));
      },
    ),
    { numRuns: 500 },
  );
});

const PREFIXES = ["10.0.0.0/29", "10.0.0.4/30", "10.0.0.16/30", "fd00::/125"];
const inPrefixes = (ip: string): boolean =>
  /^10\.0\.0\.([0-7]|1[6-9])$/.test(ip) || /^fd00::[0-7]?$/.test(ip);
const address = fc.integer({ min: 0, max: 20 }).map((n) => `10.0.0.${n}/32`);
const step = fc.record({
  kind: fc.constantFrom("commit", "rollback", "release"),
  id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
  srcIpAddrs: fc.array(address, { maxLength: 2 }),
  dstIpAddrs: fc.array(address, { maxLength: 2 }),
  excludedPrefixes: fc.array(address, { maxLength: 3 }),
});

it("never gives an address twice, outside the prefixes or excluded, and takes everything back", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const pool = new PointToPointPool(PREFIXES);
      const whole = pool.freePrefixes();
      const owners = new Map<string, { src: string; dst: string }>();
      for (const { kind, id, ...request } of steps) {
        if (kind === "release") {
          pool.release(id);
          owners.delete(id);
          continue;
        }
        try {
          const lease = pool.acquire(id, request);
          const { src, dst } = lease.pair;
          expect(request.excludedPrefixes).not.toEqual(expect.arrayContaining([`${src}/32`]));
          expect(request.excludedPrefixes).not.toEqual(expect.arrayContaining([`${dst}/32`]));
          if (kind === "commit") {
            lease.commit();
            owners.set(id, lease.pair);
          } else lease.rollback();
        } catch (error) {
          expect(error).toMatchObject({ reason: "NSM_IPAM_EMPTY" });
        }
        expect(pool.pairOf(id)).toEqual(owners.get(id));
        const held = [...owners.values()].flatMap((pair) => [pair.src, pair.dst]);
        expect(new Set(held).size).toBe(held.length);
        expect(held.every(inPrefixes)).toBe(true);
      }
      for (const id of owners.keys()) pool.release(id);
      expect(pool.freePrefixes()).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});
