// SPDX-License-Identifier: Apache-2.0
import { Series, slope } from "./series.js";

const at = (values: readonly number[], stepMs = 60_000) =>
  values.map((value, i) => ({ atMs: 1_000_000 + i * stepMs, value }));

it("the slope of a line is that of the line, whatever its start", () => {
  expect(slope(at([5, 7, 9, 11])) * 60_000).toBeCloseTo(2, 9);
  expect(slope(at([3, 3, 3]))).toBe(0);
});

it("fluctuation around a level has hardly a slope, a leak has one", () => {
  expect(Math.abs(slope(at([10, 12, 10, 12, 10, 12, 10])) * 3_600_000)).toBeLessThan(1);
  expect(slope(at([10, 12, 11, 13, 12, 14, 13])) * 3_600_000).toBeGreaterThan(25);
});

it("one sample or none has no slope", () => {
  expect([slope([]), slope(at([7]))]).toEqual([0, 0]);
});

it("growth is told per hour and over the time sampled", () => {
  const series = new Series();
  for (const { atMs, value } of at([10, 11, 12, 13])) series.add(atMs, { "nsmgr descriptors": value });
  const [{ name, perHour, growth }] = series.growths() as [ReturnType<Series["growths"]>[number]];
  expect(name).toBe("nsmgr descriptors");
  expect(perHour).toBeCloseTo(60, 6);
  expect(growth).toBeCloseTo(3, 6);
  expect(series.text(["descriptors", "links"])).toEqual([
    "descriptors: most of nsmgr descriptors, 60.00 per hour, at the end 13.0",
  ]);
});
