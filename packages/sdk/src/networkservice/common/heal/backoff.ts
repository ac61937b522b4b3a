// SPDX-License-Identifier: Apache-2.0
import { type Context, sleep } from "@nsm/core";

const SHORTEST_MS = 50;
const LONGEST_MS = 200;

/** Pauses between attempts: none before the first, then 50 ms doubling to 200 ms, until it is reset. */
export class HealBackoff {
  #delayMs = 0;

  /** Starts over without a pause. */
  reset(): void {
    this.#delayMs = 0;
  }

  /** @throws CANCELLED or DEADLINE_EXCEEDED when the context ends first */
  async pause(ctx: Context): Promise<void> {
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(Math.max(SHORTEST_MS, 2 * delayMs), LONGEST_MS);
    if (delayMs > 0) await sleep(ctx, delayMs);
  }
}
