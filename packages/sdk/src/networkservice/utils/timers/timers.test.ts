// SPDX-License-Identifier: Apache-2.0
import { testContext, VirtualClock } from "@nsm/testkit";
import { ChainTimers } from "./index.js";

function setUp() {
  const clock = new VirtualClock();
  const stopped = new AbortController();
  const timers = new ChainTimers(testContext({ clock, signal: stopped.signal }));
  const fired: string[] = [];
  const arm = (name: string, delayMs: number) => timers.arm(delayMs, () => fired.push(name));
  return { clock, stopped, timers, fired, arm };
}

describe("chain timers", () => {
  it("fire once, unless cancelled", async () => {
    const { clock, timers, fired, arm } = setUp();
    arm("a", 10);
    arm("b", 20).cancel();
    expect(timers.size).toBe(1);
    await clock.advance(100);
    expect(fired).toEqual(["a"]);
    expect(timers.size).toBe(0);
  });

  it("end with the chain and cannot be armed after it", async () => {
    const { clock, stopped, timers, fired, arm } = setUp();
    arm("a", 10);
    stopped.abort();
    arm("b", 10);
    await clock.advance(100);
    expect(fired).toEqual([]);
    expect([timers.size, clock.pendingTimers]).toEqual([0, 0]);
  });
});
