// SPDX-License-Identifier: Apache-2.0

/** A timer that has been started. */
export interface RunningTimer {
  /** Stops it; afterwards, and when it has fired already, nothing happens. */
  cancel(): void;
  /** Lets the process end although the timer is running. */
  unref?(): void;
}

/** The one function of a clock that this package needs; the clock of `core` has it. */
export interface TimerFunctions {
  /** Calls `run` once after `delayMs`. */
  setTimeout(run: () => void, delayMs: number): RunningTimer;
}
