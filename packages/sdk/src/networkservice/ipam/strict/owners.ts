// SPDX-License-Identifier: Apache-2.0
import { formatIp, parseCidr, parseIp } from "@nsm/api";
import { DualStackPool } from "@nsm/ipam";

/** Canonical address of `addr/len` or `addr`; undefined for other text. */
export function addressOf(text: string): string | undefined {
  const address = parseCidr(text)?.address ?? parseIp(text);
  return address && formatIp(address);
}

/** Who has which address of the allowed prefixes. */
export class AddressOwners {
  readonly #allowed: DualStackPool;
  readonly #owners = new Map<string, string>();
  readonly #addresses = new Map<string, Set<string>>();
  /** Addresses that only this list knows to be taken, by connection id. */
  readonly #orphans = new Map<string, Set<string>>();

  /** @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR */
  constructor(prefixes: readonly string[]) {
    this.#allowed = DualStackPool.of(prefixes);
  }

  /** Number of addresses with an owner. */
  get size(): number {
    return this.#owners.size;
  }

  /** Whether the connection has any address. */
  has(connId: string): boolean {
    return this.#addresses.has(connId);
  }

  /** Whether the text is an allowed address that no other connection has. */
  mayHave(connId: string, text: string): boolean {
    const ip = addressOf(text);
    return ip !== undefined && this.#allowed.contains(ip) && (this.#owners.get(ip) ?? connId) === connId;
  }

  /** Whether the text is an address of the connection. */
  owns(connId: string, text: string): boolean {
    return this.#addresses.get(connId)?.has(addressOf(text) ?? "") ?? false;
  }

  /** Makes the connection the owner of those of these addresses that it may have; returns the ones new to it. */
  claim(connId: string, texts: readonly string[]): string[] {
    const claimed: string[] = [];
    for (const text of texts) {
      const ip = addressOf(text);
      if (ip === undefined || this.#owners.has(ip) || !this.mayHave(connId, text)) continue;
      this.#owners.set(ip, connId);
      this.#addresses.set(connId, (this.#addresses.get(connId) ?? new Set()).add(ip));
      claimed.push(ip);
    }
    return claimed;
  }

  /** Notes addresses of the connection that whoever gives addresses may not know to be taken. */
  orphan(connId: string, texts: readonly string[]): void {
    this.#orphans.set(connId, new Set(texts.flatMap((text) => addressOf(text) ?? [])));
  }

  /** The orphans of all other connections. */
  orphansOfOthers(connId: string): string[] {
    return [...this.#orphans].flatMap(([id, ips]) => (id === connId ? [] : [...ips]));
  }

  /** Frees these addresses of the connection. */
  free(connId: string, ips: Iterable<string>): void {
    const owned = this.#addresses.get(connId);
    const orphans = this.#orphans.get(connId);
    for (const ip of ips) {
      if (owned?.delete(ip)) this.#owners.delete(ip);
      orphans?.delete(ip);
    }
    if (owned?.size === 0) this.#addresses.delete(connId);
    if (orphans?.size === 0) this.#orphans.delete(connId);
  }

  /** Frees all that the connection has, except the addresses in `kept`. */
  freeAll(connId: string, kept: ReadonlySet<string> = new Set()): void {
    this.free(
      connId,
      [...(this.#addresses.get(connId) ?? [])].filter((ip) => !kept.has(ip)),
    );
  }
}
