// SPDX-License-Identifier: Apache-2.0
import { type Family, isAddress, type Net, parseAddress, parseNet } from "./address.js";
import { IpPool } from "./ip-pool.js";

/**
 * Addresses of both families (upstream `ippool.PrefixPool` and `dualstack.IPPool`): one pool each; the family of
 * the text decides. Texts are addresses or CIDRs.
 */
export class DualStackPool {
  readonly v4: IpPool;
  readonly v6: IpPool;

  constructor(v4: IpPool = new IpPool(4), v6: IpPool = new IpPool(6)) {
    this.v4 = v4;
    this.v6 = v6;
  }

  /** A pool of all these addresses and networks. @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS, NSM_IPAM_BAD_CIDR */
  static of(entries: readonly string[]): DualStackPool {
    return DualStackPool.#ofNets(entries.map(readEntry));
  }

  /**
   * A pool of those entries that can be read. Excluded prefixes come from peers, and upstream skips what it cannot
   * read there.
   */
  static ofReadable(entries: readonly string[]): DualStackPool {
    const nets: Net[] = [];
    for (const entry of entries) {
      try {
        nets.push(readEntry(entry));
      } catch {
        // skipped on purpose: one bad entry of a peer must not make the request fail
      }
    }
    return DualStackPool.#ofNets(nets);
  }

  static #ofNets(nets: readonly Net[]): DualStackPool {
    const pool = new DualStackPool();
    pool.v4.addNets(nets);
    pool.v6.addNets(nets);
    return pool;
  }

  /** The pool of one family. */
  family(family: Family): IpPool {
    return family === 4 ? this.v4 : this.v6;
  }

  /** An independent copy. */
  copy(): DualStackPool {
    return new DualStackPool(this.v4.copy(), this.v6.copy());
  }

  /** @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS, NSM_IPAM_BAD_CIDR */
  add(entry: string): void {
    const net = readEntry(entry);
    this.family(net.family).addNets([net]);
  }

  /** @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS, NSM_IPAM_BAD_CIDR */
  exclude(entry: string): void {
    if (isAddress(entry)) this.family(parseAddress(entry).family).exclude(entry);
    else this.family(parseNet(entry).family).excludeNet(entry);
  }

  /** Whether the address, or every address of the CIDR, is in the pool. @throws INVALID_ARGUMENT as `add` */
  contains(entry: string): boolean {
    if (isAddress(entry)) return this.family(parseAddress(entry).family).contains(entry);
    return this.family(parseNet(entry).family).containsNet(entry);
  }

  /** Shortest list of CIDRs, IPv4 first, each family in ascending order. */
  prefixes(): string[] {
    return [...this.v4.prefixes(), ...this.v6.prefixes()];
  }
}

function readEntry(entry: string): Net {
  if (!isAddress(entry)) return parseNet(entry);
  const { family, value } = parseAddress(entry);
  return { family, range: { first: value, last: value } };
}
