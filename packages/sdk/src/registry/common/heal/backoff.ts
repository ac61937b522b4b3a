// SPDX-License-Identifier: Apache-2.0
import { type Context, sleep } from "@nsm/core";
import { isDialFailure } from "../../../utils/dial-failure.js";

const SHORTEST_MS = 50;
const LONGEST_MS = 1000;
/** The next hop is on the same machine and may be back any moment. */
const LONGEST_UNREACHABLE_MS = 200;

/** Pauses that double from 50 ms to 1 s until something succeeds, or to 200 ms while the next hop cannot be reached. */
export class Backoff {
  #delayMs = SHORTEST_MS;

  /** Starts over with the shortest pause. */
  reset(): void {
    this.#delayMs = SHORTEST_MS;
  }

  /**
   * @param failure of the attempt before, if it failed
   * @throws CANCELLED or DEADLINE_EXCEEDED when the context ends first
   */
  async pause(ctx: Context, failure?: unknown): Promise<void> {
    const longestMs = failure !== undefined && isDialFailure(failure) ? LONGEST_UNREACHABLE_MS : LONGEST_MS;
    const delayMs = Math.min(this.#delayMs, longestMs);
    this.#delayMs = Math.min(2 * delayMs, LONGEST_MS);
    await sleep(ctx, delayMs);
  }
}
