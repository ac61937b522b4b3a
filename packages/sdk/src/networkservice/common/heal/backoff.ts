// SPDX-License-Identifier: Apache-2.0

const SHORTEST_MS = 50;
const LONGEST_MS = 2_000;

/**
 * Pauses between attempts to repair one connection: none before the first, then 50 ms doubling up to what the last
 * failure allows, at most 2 s. From 100 ms on a pause is shortened by up to half, so that clients which lost the same
 * next hop do not come back all at once, and by the time that the failed attempt took: a next hop that does not answer
 * is not spared by waiting longer.
 */
export class HealBackoff {
  #nominalMs = 0;

  /** @param random from 0 to below 1 */
  constructor(private readonly random: () => number) {}

  /** The next attempt comes without a pause. */
  reset(): void {
    this.#nominalMs = 0;
  }

  /** The next attempts ask for something else than those before: their pauses begin with the shortest. */
  startOver(): void {
    this.#nominalMs = SHORTEST_MS;
  }

  /**
   * Milliseconds to wait before the next attempt.
   * @param longestMs what the pause must not exceed
   * @param attemptMs how long the attempt before took; below 0, when the clock was set: unknown
   */
  nextMs(longestMs: number, attemptMs = 0): number {
    const nominalMs = Math.min(this.#nominalMs, longestMs);
    this.#nominalMs = Math.min(Math.max(SHORTEST_MS, 2 * nominalMs), LONGEST_MS);
    if (nominalMs <= SHORTEST_MS) return nominalMs;
    return Math.max(SHORTEST_MS, nominalMs * (1 - this.random() / 2) - Math.max(0, attemptMs));
  }
}
