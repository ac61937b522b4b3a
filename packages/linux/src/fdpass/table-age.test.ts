// SPDX-License-Identifier: Apache-2.0
import { fstatSync, openSync } from "node:fs";
import { DescriptorTable, type Timers } from "./table.js";

const MAX_AGE_MS = 5_000;

/** Wall clock and timers apart: the one may be set, the others go on. */
class HandTimers implements Timers {
  wallMs = 1_000_000;
  #passedMs = 0;
  #running: { atMs: number; run: () => void }[] = [];

  now(): number {
    return this.wallMs;
  }

  setTimeout(run: () => void, delayMs: number): { cancel(): void } {
    const timer = { atMs: this.#passedMs + delayMs, run };
    this.#running.push(timer);
    return {
      cancel: () => {
        this.#running = this.#running.filter((other) => other !== timer);
      },
    };
  }

  advance(ms: number): void {
    this.#passedMs += ms;
    this.wallMs += ms;
    const due = this.#running.filter(({ atMs }) => atMs <= this.#passedMs);
    this.#running = this.#running.filter((timer) => !due.includes(timer));
    for (const { run } of due) run();
  }
}

function setUp() {
  const timers = new HandTimers();
  const counters = { connections: 0, unclaimed: 0, claimed: 0 };
  const limits = { maxUnclaimed: 64, maxBurst: 256, burstMs: 1_000, maxAgeMs: MAX_AGE_MS };
  const table = new DescriptorTable(timers, limits, counters, () => {});
  const arrive = (): number => {
    const fd = openSync("/dev/null", "r");
    const { dev, ino } = fstatSync(fd, { bigint: true });
    table.add({ fd, dev, ino });
    return fd;
  };
  return { timers, table, arrive };
}

const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

describe("descriptors that nobody claims", () => {
  it("are closed at their age, each at its own", () => {
    const { timers, table, arrive } = setUp();
    const first = arrive();
    timers.advance(3_000);
    const second = arrive();
    timers.advance(2_000);
    expect([isOpen(first), isOpen(second)]).toEqual([false, true]);
    timers.advance(3_000);
    expect([isOpen(second), table.unclaimed]).toEqual([false, 0]);
  });

  it("are closed in time although the clock was set back meanwhile", () => {
    const { timers, table, arrive } = setUp();
    const before = arrive();
    timers.wallMs -= 600_000;
    const after = arrive();
    timers.advance(MAX_AGE_MS);
    expect([isOpen(before), isOpen(after), table.unclaimed]).toEqual([false, false, 0]);
  });

  it("are closed although the clock was ahead when they came", () => {
    const { timers, table, arrive } = setUp();
    timers.wallMs += 600_000;
    const fds = [arrive(), arrive()];
    timers.advance(1_000);
    timers.wallMs -= 600_000;
    timers.advance(MAX_AGE_MS);
    expect([fds.map(isOpen), table.unclaimed]).toEqual([[false, false], 0]);
  });
});
