// SPDX-License-Identifier: Apache-2.0
import { type Clock, Code, type Context, statusOf } from "@nsm/core";

/** How long a failure is remembered, milliseconds. */
const FAILED_FOR_MS = 2_000;

/**
 * Who failed within the last two seconds, so that requests of that time try others first: each try at somebody dead
 * costs a dial. State: a time per name, until it is older than that.
 */
export class RecentFailures {
  readonly #failedMs = new Map<string, number>();
  #clock: Clock | undefined;

  /** How many failed within the time. */
  get size(): number {
    this.#forgetOld();
    return this.#failedMs.size;
  }

  /** Notes that a try failed, unless the caller itself gave it up. */
  note({ clock, signal }: Context, name: string): void {
    if (signal.aborted && statusOf(signal.reason).code !== Code.DEADLINE_EXCEEDED) return;
    this.#clock = clock;
    this.#forgetOld();
    this.#failedMs.delete(name); // the latest failure stands last
    this.#failedMs.set(name, clock.now());
  }

  /** Notes that a try succeeded. */
  forget(name: string): void {
    this.#failedMs.delete(name);
  }

  /** The same items in the same order, but those that failed stand last, the latest failure at the end. */
  putLast<T extends { readonly name: string }>(items: readonly T[]): T[] {
    this.#forgetOld();
    if (this.#failedMs.size === 0) return [...items];
    const ranks = new Map([...this.#failedMs.keys()].map((name, i) => [name, i + 1]));
    const rank = ({ name }: T): number => ranks.get(name) ?? 0;
    return [...items].sort((a, b) => rank(a) - rank(b));
  }

  #forgetOld(): void {
    const nowMs = this.#clock?.now() ?? 0;
    for (const [name, failedMs] of this.#failedMs) {
      // a clock that was set back makes no failure last longer
      if (Math.abs(nowMs - failedMs) >= FAILED_FOR_MS) this.#failedMs.delete(name);
    }
  }
}
