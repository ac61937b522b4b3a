// SPDX-License-Identifier: Apache-2.0
import type { Context } from "@nsm/core";
import { DualStackPool } from "@nsm/ipam";

/** Reads which addresses the links of the own network namespace have and lead to; bare. */
export type ReadAddresses = () => Promise<readonly string[]>;

/** Addresses that links of an earlier process have, until their connections return or the links are gone. */
export class AddressesInUse {
  readonly #allowed: DualStackPool;
  #left: ReadonlySet<string> | undefined;
  #isReadable = true;

  /** @param prefixes CIDRs; others are not looked at */
  constructor(
    prefixes: readonly string[],
    private readonly read: ReadAddresses,
  ) {
    this.#allowed = DualStackPool.of(prefixes);
  }

  /** Those that nobody has claimed, as they are now. What cannot be read counts as not in use. */
  async unclaimed(ctx: Context): Promise<string[]> {
    if (this.#left?.size === 0) return [];
    try {
      const present = (await this.read()).filter((ip) => this.#allowed.contains(ip));
      const former = this.#left;
      this.#left = new Set(former === undefined ? present : present.filter((ip) => former.has(ip)));
      this.#isReadable = true;
    } catch (err) {
      // every new client asks
      if (this.#isReadable) ctx.log.warn({ err }, "addresses in use cannot be read");
      this.#isReadable = false;
    }
    return [...(this.#left ?? [])];
  }

  /** A connection has these again; from now on whoever gave them knows. */
  claimed(ips: readonly string[]): void {
    if (this.#left === undefined) return;
    this.#left = new Set([...this.#left].filter((ip) => !ips.includes(ip)));
  }
}
