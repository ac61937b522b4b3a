// SPDX-License-Identifier: Apache-2.0
import { formatIp, type IpNet, parseCidr } from "@nsm/api";
import { type DualStackPool, IpamError, IpPool } from "@nsm/ipam";

/** An address that a connection holds. */
export interface SinglePointLease {
  readonly network: SinglePointNetwork;
  /** Canonical text without length. */
  readonly ip: string;
}

function broadcastOf({ address, prefixLength }: IpNet): string | undefined {
  if (address.family === 6) return undefined;
  const hostBits = (1n << BigInt(32 - prefixLength)) - 1n;
  return formatIp({ family: 4, value: address.value | hostBits });
}

/**
 * Addresses of one network for clients. The lowest one is the endpoint's and never given to a client, nor is the
 * broadcast address of IPv4. A request that excludes the lowest one leaves the next allowed address to the endpoint.
 */
export class SinglePointNetwork {
  readonly prefixLength: number;
  readonly #free: IpPool;
  readonly #lowest: string | undefined;

  /** @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR */
  constructor(cidr: string) {
    this.#free = IpPool.of(cidr);
    const net = parseCidr(cidr);
    if (net === undefined) throw new IpamError("NSM_IPAM_BAD_CIDR", `not a CIDR: ${JSON.stringify(cidr)}`);
    this.prefixLength = net.prefixLength;
    const broadcast = broadcastOf(net);
    if (broadcast !== undefined) this.#free.exclude(broadcast);
    this.#lowest = this.#free.size > 0n ? this.#free.pull() : undefined;
  }

  /** The lowest address that is free and not excluded; undefined when there is none. */
  pull(exclusions: DualStackPool): string | undefined {
    const excluded = exclusions.family(this.#free.family);
    const isLowestExcluded = this.#lowest !== undefined && excluded.contains(this.#lowest);
    try {
      return isLowestExcluded ? this.#pullSecond(excluded) : this.#free.pull(excluded);
    } catch (error) {
      if (error instanceof IpamError) return undefined;
      throw error;
    }
  }

  /** Takes this address, given as this network writes it; undefined when it is not free, excluded, or of another. */
  recover(cidr: string, exclusions: DualStackPool): string | undefined {
    const net = parseCidr(cidr);
    if (net === undefined || net.prefixLength !== this.prefixLength) return undefined;
    if (net.address.family !== this.#free.family) return undefined;
    try {
      return this.#free.pullIp(formatIp(net.address), exclusions.family(this.#free.family));
    } catch (error) {
      if (error instanceof IpamError) return undefined;
      throw error;
    }
  }

  /** Gives an address back. */
  release(ip: string): void {
    this.#free.add(ip);
  }

  #pullSecond(excluded: IpPool): string {
    const first = this.#free.pull(excluded);
    try {
      return this.#free.pull(excluded);
    } finally {
      this.#free.add(first);
    }
  }
}
