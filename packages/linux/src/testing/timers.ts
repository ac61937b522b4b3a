// SPDX-License-Identifier: Apache-2.0
import type { TimerFunctions } from "../timers.js";

/** Node's own timers, for tests against the kernel, whose time is real. */
export const realTimers: TimerFunctions = {
  setTimeout(run, delayMs) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer), unref: () => void timer.unref() };
  },
};
