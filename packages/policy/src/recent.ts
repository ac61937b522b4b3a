// SPDX-License-Identifier: Apache-2.0

/**
 * What was made of the values used last; the least recently used one is forgotten first. Those that are of no more use
 * are forgotten when they are the least recently used ones and another comes.
 */
export class Recent<V> {
  readonly #values = new Map<string, V>();

  /**
   * @param max how many are remembered, at least 1
   * @param isOver whether a value is of no more use. Default: none is
   */
  constructor(
    private readonly max: number,
    private readonly isOver: (value: V) => boolean = () => false,
  ) {}

  /** Number of remembered values. */
  get size(): number {
    return this.#values.size;
  }

  /** The value of a key, made when it is not remembered. */
  get(key: string, make: () => V): V {
    const known = this.#values.get(key);
    const isKnown = known !== undefined || this.#values.has(key);
    const value = isKnown ? (known as V) : make();
    this.#values.delete(key);
    this.#values.set(key, value);
    if (!isKnown) this.#forget();
    return value;
  }

  #forget(): void {
    for (const [key, value] of this.#values) {
      if (this.#values.size <= this.max && !this.isOver(value)) return;
      this.#values.delete(key);
    }
  }
}
