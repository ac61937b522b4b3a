// SPDX-License-Identifier: Apache-2.0
import { gapsOf } from "./sampler.js";

/** One probe per 100 ms: `.` answered, `x` not. */
const probes = (fates: string) =>
  [...fates].map((fate, i) => ({ atMs: 1000 + i * 100, answered: fate === "." }));

it("a gap lasts from the first request lost to the next one answered", () => {
  expect(gapsOf(probes("..xx.x."), 5000)).toEqual([
    { atMs: 1200, durationMs: 200, lost: 2 },
    { atMs: 1500, durationMs: 100, lost: 1 },
  ]);
  expect(gapsOf(probes("...."), 5000)).toEqual([]);
});

it("a gap that has not ended lasts until now", () => {
  expect(gapsOf(probes(".x"), 5000)).toEqual([{ atMs: 1100, durationMs: 3900, lost: 1 }]);
});
