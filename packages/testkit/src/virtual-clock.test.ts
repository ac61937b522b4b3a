// SPDX-License-Identifier: Apache-2.0
import { VirtualClock } from "./virtual-clock.js";

/** A clock with a log of what fired when. */
function setUp() {
  const clock = new VirtualClock(1_000);
  const fired: string[] = [];
  const arm = (name: string, delayMs: number) =>
    clock.setTimeout(() => fired.push(`${name} at ${clock.now()}`), delayMs);
  return { clock, fired, arm };
}

describe("a virtual clock", () => {
  it("starts in 2026 unless told otherwise, and stands still", async () => {
    expect(new Date(new VirtualClock().now()).toISOString()).toBe("2026-01-01T00:00:00.000Z");
    const { clock, fired, arm } = setUp();
    arm("now", 0);
    await clock.settle();
    expect([clock.now(), fired]).toEqual([1_000, []]);
  });

  it("fires timers in the order of their time, then of their making", async () => {
    const { clock, fired, arm } = setUp();
    arm("late", 30);
    arm("first", 10);
    arm("second", 10);
    arm("past", -5);
    await clock.advance(30);
    expect(fired).toEqual(["past at 1000", "first at 1010", "second at 1010", "late at 1030"]);
    expect(clock.now()).toBe(1_030);
  });

  it("stops between timers when the time asked for is over", async () => {
    const { clock, fired, arm } = setUp();
    arm("a", 10);
    arm("b", 11);
    await clock.advance(10);
    expect([fired, clock.pendingTimers, clock.nextDueMs]).toEqual([["a at 1010"], 1, 1_011]);
    await clock.advance(0.5);
    expect(fired).toHaveLength(1);
    await clock.advance(0.5);
    expect([fired.at(-1), clock.nextDueMs]).toEqual(["b at 1011", undefined]);
  });

  it("fires what timers and the promises behind them arm on the way", async () => {
    const { clock, fired, arm } = setUp();
    clock.setTimeout(() => void Promise.resolve().then(() => arm("inner", 5)), 10);
    await clock.advance(20);
    expect(fired).toEqual(["inner at 1015"]);
  });

  it("forgets a cancelled timer", async () => {
    const { clock, fired, arm } = setUp();
    const timer = arm("never", 10);
    timer.cancel();
    timer.cancel();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(20);
    expect(fired).toEqual([]);
  });

  it("waits for work as a caller would, timer by timer", async () => {
    const { clock, fired, arm } = setUp();
    const work = new Promise<string>((resolve) => clock.setTimeout(() => resolve("done"), 50));
    arm("before", 20);
    arm("after", 60);
    expect(await clock.waitFor(work)).toBe("done");
    expect([clock.now(), fired]).toEqual([1_050, ["before at 1020"]]);
  });

  it("passes on the failure of the work it waits for", async () => {
    const { clock } = setUp();
    await expect(clock.waitFor(Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  });

  it("fails when nothing is left that could end the wait", async () => {
    const { clock, arm } = setUp();
    arm("last", 10);
    await expect(clock.waitFor(new Promise(() => {}))).rejects.toThrow("waiting for ever");
    expect(clock.now()).toBe(1_010);
  });
});
