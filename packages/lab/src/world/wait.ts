// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";

/** A state that did not come within its bound. */
export class WaitedTooLong extends Error {
  override readonly name = "WaitedTooLong";
}

/** What no waiting will mend: {@link waitFor} passes it on at once. */
export class Hopeless extends Error {
  override readonly name = "Hopeless";
}

/**
 * Asks again and again until the answer is not undefined.
 * @param boundMs how long, milliseconds
 * @param what names the state for the error
 * @throws WaitedTooLong with the last error seen; Hopeless as `ask` threw it
 */
export async function waitFor<T>(
  what: string,
  boundMs: number,
  ask: () => Promise<T | undefined> | T | undefined,
  intervalMs = 20,
): Promise<T> {
  const endMs = performance.now() + boundMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    if (performance.now() > endMs) {
      const cause = last instanceof Error ? `: ${last.message}` : "";
      throw new WaitedTooLong(`${what}: not within ${boundMs / 1000} s${cause}`);
    }
    await delay(intervalMs);
  }
}
