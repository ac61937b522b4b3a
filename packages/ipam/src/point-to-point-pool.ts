// SPDX-License-Identifier: Apache-2.0
import { DualStackPool } from "./dual-stack-pool.js";
import { IpamError, poolIsEmpty } from "./errors.js";
import { IpPool } from "./ip-pool.js";

/** The two ends of a link, bare addresses in canonical text. */
export interface AddressPair {
  /** Client's address. */
  readonly src: string;
  /** Endpoint's address. */
  readonly dst: string;
}

/** What a request says about addresses; the lists are those of an `IPContext`. */
export interface AddressRequest {
  /** Addresses the client had, `addr/len` or bare: the first free one is recovered. */
  readonly srcIpAddrs: readonly string[];
  /** Addresses the endpoint had. */
  readonly dstIpAddrs: readonly string[];
  /** CIDRs or addresses not to give; unreadable entries are skipped. */
  readonly excludedPrefixes: readonly string[];
}

/** A pair that a connection holds, open until the request that asked for it has succeeded or failed. */
export interface Lease {
  readonly pair: AddressPair;
  /** The pair the connection held before, when it was excluded meanwhile: to be taken out of the context. */
  readonly replaced: AddressPair | undefined;
  /** The request succeeded: gives a replaced pair back. */
  commit(): void;
  /** The request failed: the connection holds what it held before. */
  rollback(): void;
}

interface Holding {
  readonly pool: IpPool;
  readonly pair: AddressPair;
}

const CACHED_EXCLUSIONS_MAX = 16;

/**
 * Pairs of addresses by connection id out of alternative prefixes: the state of upstream's `point2pointipam`. The
 * endpoint gets the lowest free address, the client the next free one, of the first prefix that has two. No address
 * ever has two owners, also when prefixes overlap: each address belongs to the first prefix that holds it.
 *
 * Differences from upstream: a failed request gives everything back; a half recovered pair is given back; an excluded
 * pair is kept until its replacement has succeeded.
 */
export class PointToPointPool {
  readonly #pools: readonly IpPool[];
  readonly #holdings = new Map<string, Holding>();
  readonly #exclusions = new Map<string, DualStackPool>();

  /**
   * @param prefixes CIDRs in the order in which they are used up
   * @throws INVALID_ARGUMENT NSM_IPAM_NO_PREFIX without prefixes, NSM_IPAM_BAD_CIDR, and NSM_IPAM_TOO_SMALL when no
   * prefix has two addresses
   */
  constructor(prefixes: readonly string[]) {
    if (prefixes.length === 0) throw new IpamError("NSM_IPAM_NO_PREFIX", "required one or more prefixes");
    const pools: IpPool[] = [];
    for (const prefix of prefixes) {
      const pool = IpPool.of(prefix);
      for (const earlier of pools) pool.excludePool(earlier);
      pools.push(pool);
    }
    if (pools.every((pool) => pool.size < 2n)) {
      const text = `a pair needs two addresses, which none of these prefixes has: ${prefixes.join(",")}`;
      throw new IpamError("NSM_IPAM_TOO_SMALL", text);
    }
    this.#pools = pools;
  }

  /** Number of connections that hold a pair. */
  get size(): number {
    return this.#holdings.size;
  }

  /** Free addresses as CIDRs, by prefix. */
  freePrefixes(): string[] {
    return this.#pools.flatMap((pool) => pool.prefixes());
  }

  /** The pair a connection holds. */
  pairOf(connectionId: string): AddressPair | undefined {
    return this.#holdings.get(connectionId)?.pair;
  }

  /**
   * The pair of a connection. A known connection keeps its pair unless one of the two is excluded now. A new one
   * recovers the pair named in the request if both are free and allowed, else gets a new one.
   *
   * @throws RESOURCE_EXHAUSTED NSM_IPAM_EMPTY with upstream's text; the connection then holds what it held before
   */
  acquire(connectionId: string, request: AddressRequest): Lease {
    const excluded = this.#excluded(request.excludedPrefixes);
    const held = this.#holdings.get(connectionId);
    if (held === undefined) {
      const holding = this.#recover(request, excluded) ?? this.#allocate(excluded);
      return this.#lease(connectionId, holding, undefined);
    }
    const { pair } = held;
    if (!excluded.contains(pair.src) && !excluded.contains(pair.dst)) {
      return { pair, replaced: undefined, commit: () => {}, rollback: () => {} };
    }
    return this.#lease(connectionId, this.#replace(held, excluded), held);
  }

  /** Gives the pair of a connection back; an unknown id is no error. */
  release(connectionId: string): void {
    const held = this.#holdings.get(connectionId);
    if (held === undefined) return;
    this.#holdings.delete(connectionId);
    giveBack(held, undefined);
  }

  #lease(connectionId: string, holding: Holding, before: Holding | undefined): Lease {
    this.#holdings.set(connectionId, holding);
    let open = true;
    const settle = (drop: Holding | undefined, keep: Holding | undefined): void => {
      // a release in between has given the new pair back already, the one before is still ours to give
      const current = this.#holdings.get(connectionId) === holding;
      if (!open) return;
      open = false;
      if (!current) {
        if (before !== undefined) giveBack(before, holding);
        return;
      }
      if (drop !== undefined) giveBack(drop, keep);
      if (keep === undefined) this.#holdings.delete(connectionId);
      else this.#holdings.set(connectionId, keep);
    };
    return {
      pair: holding.pair,
      replaced: before?.pair,
      commit: () => settle(before, holding),
      rollback: () => settle(holding, before),
    };
  }

  /** A new pair, which may share the allowed address of the old one; the old one stays out of the pools. */
  #replace(held: Holding, excluded: DualStackPool): Holding {
    giveBack(held, undefined);
    try {
      return this.#allocate(excluded);
    } finally {
      held.pool.exclude(held.pair.src);
      held.pool.exclude(held.pair.dst);
    }
  }

  #recover(request: AddressRequest, excluded: DualStackPool): Holding | undefined {
    for (const pool of this.#pools) {
      const src = pullFirst(pool, request.srcIpAddrs, excluded);
      if (src === undefined) continue;
      const dst = pullFirst(pool, request.dstIpAddrs, excluded);
      if (dst !== undefined) return { pool, pair: { src, dst } };
      pool.add(src);
    }
    return undefined;
  }

  #allocate(excluded: DualStackPool): Holding {
    for (const pool of this.#pools) {
      try {
        const [dst, src] = pool.pullPointToPoint(excluded.family(pool.family));
        return { pool, pair: { src, dst } };
      } catch (error) {
        if (!(error instanceof IpamError)) throw error;
      }
    }
    throw poolIsEmpty();
  }

  /** Most connections bring the same long list with each request; reading it anew would cost more than the draw. */
  #excluded(prefixes: readonly string[]): DualStackPool {
    const key = prefixes.join(",");
    const cached = this.#exclusions.get(key);
    if (cached !== undefined) return cached;
    const oldest = this.#exclusions.keys().next();
    if (this.#exclusions.size >= CACHED_EXCLUSIONS_MAX && oldest.done !== true)
      this.#exclusions.delete(oldest.value);
    const parsed = DualStackPool.ofReadable(prefixes);
    this.#exclusions.set(key, parsed);
    return parsed;
  }
}

/** Returns the addresses of `holding` to its pool, except those that `keep` holds as well. */
function giveBack({ pool, pair }: Holding, keep: Holding | undefined): void {
  for (const ip of [pair.src, pair.dst]) {
    if (ip !== keep?.pair.src && ip !== keep?.pair.dst) pool.add(ip);
  }
}

function pullFirst(pool: IpPool, addrs: readonly string[], excluded: DualStackPool): string | undefined {
  for (const addr of addrs) {
    const ip = addr.split("/")[0] ?? "";
    try {
      return pool.pullIp(ip, excluded.family(pool.family));
    } catch (error) {
      if (!(error instanceof IpamError)) throw error;
    }
  }
  return undefined;
}
