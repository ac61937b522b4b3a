// SPDX-License-Identifier: Apache-2.0
import { type Context, sleep } from "@nsm/core";

const SHORTEST_MS = 50;
const LONGEST_MS = 1000;

/** Pauses that double from 50 ms to 1 s until something succeeds. */
export class Backoff {
  #delayMs = SHORTEST_MS;

  /** Starts over with the shortest pause. */
  reset(): void {
    this.#delayMs = SHORTEST_MS;
  }

  /** @throws CANCELLED or DEADLINE_EXCEEDED when the context ends first */
  async pause(ctx: Context): Promise<void> {
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(2 * delayMs, LONGEST_MS);
    await sleep(ctx, delayMs);
  }
}
