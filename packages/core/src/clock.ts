// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from "node:timers";

/** A running timer. */
export interface Timer {
  /** Stops the timer; a timer that has fired or was cancelled stays as it is. */
  cancel(): void;
}

/**
 * The only source of time below the `runtime` package. The real one is {@link realClock}; tests use the
 * virtual clock of `@nsm/testkit`. `@nsm/linux` declares the functions it needs itself; this type satisfies it.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Calls `callback` once after `delayMs` milliseconds (negative counts as 0).
   * @param background true for a timer that must not keep the process alive
   */
  setTimeout(callback: () => void, delayMs: number, background?: boolean): Timer;
}

/** Longest delay Node's timers take; longer ones are split. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  setTimeout(callback, delayMs, background = false) {
    let handle: NodeJS.Timeout;
    const arm = (restMs: number): void => {
      handle = setTimeout(
        () => (restMs > LONGEST_DELAY_MS ? arm(restMs - LONGEST_DELAY_MS) : callback()),
        Math.min(Math.max(0, restMs), LONGEST_DELAY_MS),
      );
      if (background) handle.unref();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/**
 * Calls back in the next turn of the event loop, when everybody has heard what happened in this one. No time passes,
 * on no clock, so it waits for nothing else.
 */
export function onNextTurn(callback: () => void): void {
  setImmediate(callback);
}
