// SPDX-License-Identifier: Apache-2.0
import { orderSrv } from "./srv-order.js";

const record = (host: string, priority: number, weight: number) => ({ host, port: 1, priority, weight });
const hosts = (random: () => number, ...records: ReturnType<typeof record>[]) =>
  orderSrv(records, random).map(({ host }) => host);

it("lower priorities come first whatever their weight", () => {
  expect(hosts(() => 0, record("c", 30, 9), record("a", 10, 0), record("b", 20, 5))).toEqual(["a", "b", "c"]);
});

it("within a priority the draw chooses by weight", () => {
  const records = [record("light", 1, 1), record("heavy", 1, 9)];
  expect(hosts(() => 0, ...records)).toEqual(["light", "heavy"]);
  expect(hosts(() => 0.5, ...records)).toEqual(["heavy", "light"]);
});

it("weight 0 is chosen first only by the lowest draw", () => {
  const records = [record("one", 1, 1), record("zero", 1, 0)];
  expect(hosts(() => 0, ...records)).toEqual(["zero", "one"]);
  expect(hosts(() => 0.9, ...records)).toEqual(["one", "zero"]);
});

it("no records stay no records", () => {
  expect(hosts(() => 0)).toEqual([]);
});
