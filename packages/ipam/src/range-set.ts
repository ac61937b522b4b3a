// SPDX-License-Identifier: Apache-2.0

/** Neighbouring addresses, both ends included. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * An ordered set of disjoint ranges of numbers; ranges that touch are one. Look-ups search by halves. Every range
 * looked at counts one step, so that tests can bound the cost of an operation.
 */
export class RangeSet {
  #ranges: AddressRange[] = [];
  #steps = 0;

  /** Ranges looked at so far. */
  get steps(): number {
    return this.#steps;
  }

  /** In ascending order. */
  get ranges(): readonly AddressRange[] {
    return this.#ranges;
  }

  /** An independent copy. */
  copy(): RangeSet {
    const copy = new RangeSet();
    copy.#ranges = [...this.#ranges];
    return copy;
  }

  /** Adds all of them with one sort, for long lists. */
  addAll(ranges: Iterable<AddressRange>): void {
    const sorted = [...this.#ranges, ...ranges].sort((a, b) =>
      a.first < b.first ? -1 : a.first > b.first ? 1 : 0,
    );
    const merged: AddressRange[] = [];
    for (const range of sorted) {
      const before = merged[merged.length - 1];
      if (before === undefined || before.last + 1n < range.first) merged.push(range);
      else if (before.last < range.last)
        merged[merged.length - 1] = { first: before.first, last: range.last };
    }
    this.#ranges = merged;
  }

  /** Adds the range and joins what it overlaps or touches. */
  add({ first, last }: AddressRange): void {
    const start = this.#indexEndingAtOrAfter(first - 1n);
    const end = this.#indexEndingAtOrAfter(last + 1n);
    const below = this.#ranges[start];
    const above = this.#ranges[end];
    const joinsAbove = above !== undefined && above.first <= last + 1n;
    const joined = {
      first: below !== undefined && below.first < first ? below.first : first,
      last: joinsAbove && above.last > last ? above.last : last,
    };
    this.#ranges.splice(start, end - start + (joinsAbove ? 1 : 0), joined);
  }

  /** Removes every number of the range. */
  remove({ first, last }: AddressRange): void {
    const start = this.#indexEndingAtOrAfter(first);
    const end = this.#indexEndingAtOrAfter(last);
    const below = this.#ranges[start];
    const above = this.#ranges[end];
    const cutsAbove = above !== undefined && above.first <= last;
    const rest: AddressRange[] = [];
    if (below !== undefined && below.first < first) rest.push({ first: below.first, last: first - 1n });
    if (cutsAbove && above.last > last) rest.push({ first: last + 1n, last: above.last });
    this.#ranges.splice(start, end - start + (cutsAbove ? 1 : 0), ...rest);
  }

  /** The range that holds the number. */
  rangeOf(value: bigint): AddressRange | undefined {
    const range = this.nextRange(value);
    return range !== undefined && range.first <= value ? range : undefined;
  }

  /** The range that holds the number, else the next one above it. */
  nextRange(value: bigint): AddressRange | undefined {
    return this.#ranges[this.#indexEndingAtOrAfter(value)];
  }

  /** Lowest number at or above `from` that is in this set and not in `excluded`. */
  lowest(from: bigint, excluded: RangeSet): bigint | undefined {
    let candidate = from;
    for (;;) {
      const own = this.nextRange(candidate);
      if (own === undefined) return undefined;
      if (own.first > candidate) candidate = own.first;
      const barrier = excluded.rangeOf(candidate);
      if (barrier === undefined) return candidate;
      candidate = barrier.last + 1n;
    }
  }

  /** Lowest multiple of `size` whose block of that size is in this set and meets nothing of `excluded`. */
  lowestBlock(size: bigint, excluded: RangeSet): bigint | undefined {
    let candidate = 0n;
    for (;;) {
      candidate = ((candidate + size - 1n) / size) * size;
      const own = this.nextRange(candidate);
      if (own === undefined) return undefined;
      const last = candidate + size - 1n;
      if (own.first > candidate) candidate = own.first;
      else if (own.last < last) candidate = own.last + 1n;
      else {
        const barrier = excluded.nextRange(candidate);
        if (barrier === undefined || barrier.first > last) return candidate;
        candidate = barrier.last + 1n;
      }
    }
  }

  #indexEndingAtOrAfter(value: bigint): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.#steps++;
      const range = this.#ranges[middle];
      if (range !== undefined && range.last < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
