// SPDX-License-Identifier: Apache-2.0
import { type Clock, type Logger, statusOf } from "@nsm/core";

/** Refusals told one by one in each period; the rest is counted. */
const MAX_PER_PERIOD = 10;
const PERIOD_MS = 60_000;

/** Tells why connections were refused, without letting a peer fill the log. */
export class RefusalLog {
  #periodEndsMs = 0;
  #told = 0;
  #untold = 0;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** @param from whose connection it was */
  add(error: unknown, from: string | undefined): void {
    const nowMs = this.clock.now();
    if (nowMs >= this.#periodEndsMs || nowMs < this.#periodEndsMs - PERIOD_MS) {
      if (this.#untold > 0) this.log.warn({ refused: this.#untold }, "more connections were refused");
      this.#periodEndsMs = nowMs + PERIOD_MS;
      this.#told = 0;
      this.#untold = 0;
    }
    if (this.#told >= MAX_PER_PERIOD) {
      this.#untold += 1;
      return;
    }
    this.#told += 1;
    this.log.warn({ from, error: statusOf(error).message }, "connection refused");
  }
}
