// SPDX-License-Identifier: Apache-2.0
import { HealBackoff } from "./backoff.js";

const pauses = (backoff: HealBackoff, count: number, longestMs: number): number[] =>
  Array.from({ length: count }, () => backoff.nextMs(longestMs));

describe("pauses between attempts", () => {
  it("are none, then 50 ms doubling to the limit of the last failure", () => {
    expect(pauses(new HealBackoff(() => 0), 6, 200)).toEqual([0, 50, 100, 200, 200, 200]);
  });

  it("are never longer than 2 s", () => {
    expect(pauses(new HealBackoff(() => 0), 10, Number.POSITIVE_INFINITY).at(-1)).toBe(2000);
  });

  it.each([0, 0.25, 0.5, 0.999])(
    "are at least 50 ms and half of the nominal pause at random %s",
    (random) => {
      const nominal = pauses(new HealBackoff(() => 0), 10, 2000).slice(1);
      const spread = pauses(new HealBackoff(() => random), 10, 2000).slice(1);
      for (const [i, pauseMs] of spread.entries()) {
        expect(pauseMs).toBeGreaterThanOrEqual(Math.max(50, (nominal[i] ?? 0) / 2));
        expect(pauseMs).toBeLessThanOrEqual(nominal[i] ?? 0);
      }
    },
  );

  it("are shorter by the time that the attempt before took, and 50 ms at least", () => {
    const backoff = new HealBackoff(() => 0);
    pauses(backoff, 3, 1000);
    expect([backoff.nextMs(1000, 60), backoff.nextMs(1000, 5000), backoff.nextMs(1000, -60)]).toEqual([
      140, 50, 800,
    ]);
  });

  it("leave less than ten attempts in a second", () => {
    expect(pauses(new HealBackoff(() => 0.999), 11, 200).reduce((a, b) => a + b)).toBeGreaterThan(900);
  });

  it("start over with 50 ms, and after a reset without a pause", () => {
    const backoff = new HealBackoff(() => 0);
    pauses(backoff, 5, 1000);
    backoff.startOver();
    expect(pauses(backoff, 2, 1000)).toEqual([50, 100]);
    backoff.reset();
    expect(pauses(backoff, 2, 1000)).toEqual([0, 50]);
  });
});
