// SPDX-License-Identifier: Apache-2.0
import { jest } from "@jest/globals";
import { onNextTurn, realClock } from "./clock.js";

describe("the machine's clock", () => {
  beforeEach(() => void jest.useFakeTimers({ now: 5_000 }));
  afterEach(() => void jest.useRealTimers());

  /** Delays at which a timer fired, in milliseconds. */
  function fired(delayMs: number, background = false): { times: number[]; cancel: () => void } {
    const startMs = realClock.now();
    const times: number[] = [];
    const timer = realClock.setTimeout(() => times.push(realClock.now() - startMs), delayMs, background);
    return { times, cancel: () => timer.cancel() };
  }

  it("tells milliseconds since the epoch", () => {
    expect(realClock.now()).toBe(5_000);
  });

  it.each([1, 10_000, 2 ** 31 - 1, 2 ** 31, 3 * 2 ** 31 + 7])("fires once after %d ms", (delayMs) => {
    const { times } = fired(delayMs);
    jest.advanceTimersByTime(delayMs - 1);
    expect(times).toEqual([]);
    jest.advanceTimersByTime(1);
    jest.advanceTimersByTime(2 ** 33);
    expect(times).toEqual([delayMs]);
  });

  it("counts a negative delay as none", () => {
    const { times } = fired(-5);
    jest.advanceTimersByTime(0);
    expect(times).toEqual([0]);
  });

  it.each([1_000, 2 ** 32])("does not fire a timer of %d ms that was cancelled", (delayMs) => {
    const { times, cancel } = fired(delayMs);
    jest.advanceTimersByTime(delayMs - 1);
    cancel();
    jest.advanceTimersByTime(delayMs);
    cancel();
    expect([times, jest.getTimerCount()]).toEqual([[], 0]);
  });

  it("fires a background timer too", () => {
    const { times } = fired(2 ** 32, true);
    jest.advanceTimersByTime(2 ** 32);
    expect(times).toEqual([2 ** 32]);
  });
});

it("the next turn begins when everything of this one has run", async () => {
  const order: string[] = [];
  const turned = new Promise<void>((resolve) => onNextTurn(resolve)).then(() => order.push("next turn"));
  process.nextTick(() => order.push("tick"));
  for (let i = 0; i < 10; i++) await Promise.resolve();
  order.push("promises");
  await turned;
  expect(order.toSorted()).toEqual(["next turn", "promises", "tick"]);
  expect(order.at(-1)).toBe("next turn");
});
