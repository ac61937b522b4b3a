// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.js";
import { type Context, rootContext } from "../context.js";
import { silentLogger } from "../logger.js";

/** A clock moved by hand; its timers fire in order of their time. (`@nsm/testkit` builds on core, so not here.) */
export function handClock() {
  let nowMs = 1_000_000;
  let timers: { dueMs: number; callback: () => void }[] = [];
  const clock: Clock = {
    now: () => nowMs,
    setTimeout(callback, delayMs) {
      const timer = { dueMs: nowMs + Math.max(0, delayMs), callback };
      timers.push(timer);
      const cancel = (): void => {
        timers = timers.filter((other) => other !== timer);
      };
      return { cancel };
    },
  };
  return {
    clock,
    /** Timers armed. */
    timers: (): number => timers.length,
    advance(ms: number): void {
      nowMs += ms;
      const due = timers.filter(({ dueMs }) => dueMs <= nowMs).sort((a, b) => a.dueMs - b.dueMs);
      timers = timers.filter((timer) => !due.includes(timer));
      for (const { callback } of due) callback();
    },
  };
}

/** A context without deadline on a clock moved by hand. */
export function handContext(signal?: AbortSignal): ReturnType<typeof handClock> & { ctx: Context } {
  const hand = handClock();
  return {
    ...hand,
    ctx: rootContext({ clock: hand.clock, log: silentLogger, ...(signal && { signal }) }),
  };
}
