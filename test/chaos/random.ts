// SPDX-License-Identifier: Apache-2.0

/** A repeatable stream of random numbers (mulberry32). */
export class Random {
  #state: number;

  /** @param seed 32 bits */
  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform, 0 (inclusive) to 1 (exclusive). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Whole number from 0 to `max`, exclusive. */
  integer(max: number): number {
    return Math.floor(this.next() * max);
  }

  /** @throws Error for an empty list */
  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    const order: T[] = [];
    while (rest.length > 0) order.push(...rest.splice(this.integer(rest.length), 1));
    return order;
  }
}
