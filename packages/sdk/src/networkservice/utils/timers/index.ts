// SPDX-License-Identifier: Apache-2.0
import type { Clock, Context, Timer } from "@nsm/core";

/**
 * Timers that end with a chain: when the chain's context is over, none fires any more. They do not keep the
 * process alive. State: the armed timers, one listener on the chain's context for all of them.
 */
export class ChainTimers {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #armed = new Set<Timer>();

  /** @param chainCtx clock and lifetime */
  constructor(chainCtx: Context) {
    this.#clock = chainCtx.clock;
    this.#signal = chainCtx.signal;
    this.#signal.addEventListener("abort", () => this.#cancelAll(), { once: true });
  }

  /** Armed timers. */
  get size(): number {
    return this.#armed.size;
  }

  /** Calls `callback` once after `delayMs` milliseconds; never when the chain has ended. */
  arm(delayMs: number, callback: () => void): Timer {
    if (this.#signal.aborted) return { cancel: () => {} };
    const inner = this.#clock.setTimeout(
      () => {
        this.#armed.delete(timer);
        callback();
      },
      delayMs,
      true,
    );
    const timer: Timer = {
      cancel: () => {
        inner.cancel();
        this.#armed.delete(timer);
      },
    };
    this.#armed.add(timer);
    return timer;
  }

  #cancelAll(): void {
    for (const timer of [...this.#armed]) timer.cancel();
  }
}
