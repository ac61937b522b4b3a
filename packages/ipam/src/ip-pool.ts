// SPDX-License-Identifier: Apache-2.0
import { bitsOf, type Family, formatAddress, type Net, parseAddress, parseNet } from "./address.js";
import { IpamError, notInPool, poolIsEmpty } from "./errors.js";
import { RangeSet } from "./range-set.js";

const NOTHING = new RangeSet();

/**
 * Free addresses of one family (upstream sdk `pkg/tools/ippool`). Addresses are given lowest first, the network's
 * own and the broadcast address included. Adding or excluding addresses of the other family does nothing; a
 * v4-mapped IPv6 address is an IPv4 address. Texts given back are canonical.
 */
export class IpPool {
  readonly family: Family;
  readonly #free: RangeSet;

  constructor(family: Family, free: RangeSet = new RangeSet()) {
    this.family = family;
    this.#free = free;
  }

  /**
   * A pool of the network's addresses.
   *
   * @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR
   */
  static of(cidr: string): IpPool {
    const pool = new IpPool(parseNet(cidr).family);
    pool.addNet(cidr);
    return pool;
  }

  /** Number of free addresses. */
  get size(): bigint {
    return this.#free.ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  }

  /** Number of ranges that the free addresses form. */
  get rangeCount(): number {
    return this.#free.ranges.length;
  }

  /** Ranges looked at so far, a measure of cost that does not depend on the machine. */
  get rangeSteps(): number {
    return this.#free.steps;
  }

  /** An independent copy. */
  copy(): IpPool {
    return new IpPool(this.family, this.#free.copy());
  }

  /** @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS */
  add(ip: string): void {
    const { family, value } = parseAddress(ip);
    if (family === this.family) this.#free.add({ first: value, last: value });
  }

  /** @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR */
  addNet(cidr: string): void {
    const net = parseNet(cidr);
    if (net.family === this.family) this.#free.add(net.range);
  }

  /** Adds many networks at the cost of one sort; those of the other family are left out. */
  addNets(nets: Iterable<Net>): void {
    this.#free.addAll([...nets].filter((net) => net.family === this.family).map((net) => net.range));
  }

  /** Takes an address out, free or not. @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS */
  exclude(ip: string): void {
    const { family, value } = parseAddress(ip);
    if (family === this.family) this.#free.remove({ first: value, last: value });
  }

  /** Takes a network out, free or not. @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR */
  excludeNet(cidr: string): void {
    const net = parseNet(cidr);
    if (net.family === this.family) this.#free.remove(net.range);
  }

  /** Takes out all that is in another pool. */
  excludePool(pool: IpPool): void {
    if (pool.family !== this.family) return;
    for (const range of pool.#free.ranges) this.#free.remove(range);
  }

  /** @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS */
  contains(ip: string): boolean {
    const { family, value } = parseAddress(ip);
    return family === this.family && this.#free.rangeOf(value) !== undefined;
  }

  /** Whether every address of the network is in the pool. @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR */
  containsNet(cidr: string): boolean {
    const { family, range } = parseNet(cidr);
    const own = family === this.family ? this.#free.rangeOf(range.first) : undefined;
    return own !== undefined && own.last >= range.last;
  }

  /**
   * Takes the lowest address.
   *
   * @param excluded addresses not to give now; the pool keeps them
   * @throws RESOURCE_EXHAUSTED NSM_IPAM_EMPTY with upstream's text `IPPool is empty`
   */
  pull(excluded?: IpPool): string {
    const value = this.#free.lowest(0n, this.#rangesOf(excluded));
    if (value === undefined) throw poolIsEmpty();
    return this.#take(value);
  }

  /**
   * Takes exactly this address.
   *
   * @returns its canonical text
   * @throws RESOURCE_EXHAUSTED NSM_IPAM_NOT_IN_POOL with upstream's text, when it is not free or excluded
   * @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS
   */
  pullIp(ip: string, excluded?: IpPool): string {
    const { value } = parseAddress(ip);
    if (!this.contains(ip) || excluded?.contains(ip) === true) throw notInPool();
    return this.#take(value);
  }

  /**
   * Takes the two lowest addresses that are not excluded; they need not be neighbours.
   *
   * @returns the lower, then the upper
   * @throws RESOURCE_EXHAUSTED NSM_IPAM_EMPTY when there are fewer than two; the pool is unchanged then
   */
  pullPointToPoint(excluded?: IpPool): [lower: string, upper: string] {
    const barriers = this.#rangesOf(excluded);
    const lower = this.#free.lowest(0n, barriers);
    const upper = lower === undefined ? undefined : this.#free.lowest(lower + 1n, barriers);
    if (lower === undefined || upper === undefined) throw poolIsEmpty();
    return [this.#take(lower), this.#take(upper)];
  }

  /**
   * Takes the lowest aligned network of this length that is wholly free and holds no excluded address. Upstream
   * starts at the lowest free address, which after an odd-sized grant yields networks that overlap.
   *
   * @param prefixLength bits, 0 to 32 or 0 to 128
   * @returns CIDR
   * @throws RESOURCE_EXHAUSTED NSM_IPAM_EMPTY
   * @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR for a length the family does not have
   */
  pullNet(prefixLength: number, excluded?: IpPool): string {
    const bits = bitsOf(this.family);
    if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits) {
      throw new IpamError("NSM_IPAM_BAD_CIDR", `prefix length must be from 0 to ${bits}: ${prefixLength}`);
    }
    const size = 1n << BigInt(bits - prefixLength);
    const first = this.#free.lowestBlock(size, this.#rangesOf(excluded));
    if (first === undefined) throw poolIsEmpty();
    this.#free.remove({ first, last: first + size - 1n });
    return `${formatAddress({ family: this.family, value: first })}/${prefixLength}`;
  }

  /** The free addresses as the shortest list of CIDRs, in ascending order. */
  prefixes(): string[] {
    const bits = bitsOf(this.family);
    const result: string[] = [];
    for (const { first, last } of this.#free.ranges) {
      let value = first;
      while (value <= last) {
        let hostBits = 0;
        while (hostBits < bits && isBlock(value, hostBits + 1, last)) hostBits++;
        result.push(`${formatAddress({ family: this.family, value })}/${bits - hostBits}`);
        value += 1n << BigInt(hostBits);
      }
    }
    return result;
  }

  #take(value: bigint): string {
    this.#free.remove({ first: value, last: value });
    return formatAddress({ family: this.family, value });
  }

  #rangesOf(pool: IpPool | undefined): RangeSet {
    return pool?.family === this.family ? pool.#free : NOTHING;
  }
}

function isBlock(first: bigint, hostBits: number, last: bigint): boolean {
  const size = 1n << BigInt(hostBits);
  return first % size === 0n && first + size - 1n <= last;
}
