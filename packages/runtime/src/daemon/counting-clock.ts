// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "@nsm/core";

/** A clock that knows how many of its timers wait. */
export type CountingClock = Clock & { readonly pendingTimers: number };

/** Counts the timers set through `clock`, background ones included. */
export function countingClock(clock: Clock): CountingClock {
  const pending = new Set<object>();
  return {
    now: () => clock.now(),
    setTimeout(callback, delayMs, background) {
      const entry = {};
      const timer = clock.setTimeout(
        () => {
          pending.delete(entry);
          callback();
        },
        delayMs,
        background,
      );
      pending.add(entry);
      return {
        cancel() {
          pending.delete(entry);
          timer.cancel();
        },
      };
    },
    get pendingTimers() {
      return pending.size;
    },
  };
}
