// SPDX-License-Identifier: Apache-2.0

/** What was made of the values used last; the least recently used one is forgotten first. */
export class Recent<V> {
  readonly #values = new Map<string, V>();

  /** @param max how many are remembered, at least 1 */
  constructor(private readonly max: number) {}

  /** Number of remembered values. */
  get size(): number {
    return this.#values.size;
  }

  /** The value of a key, made when it is not remembered. */
  get(key: string, make: () => V): V {
    const known = this.#values.get(key);
    const value = known === undefined && !this.#values.has(key) ? make() : (known as V);
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.max) {
      const [oldest] = this.#values.keys();
      if (oldest !== undefined) this.#values.delete(oldest);
    }
    return value;
  }
}
