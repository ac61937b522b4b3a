// SPDX-License-Identifier: Apache-2.0

/** Where a service of a domain listens (RFC 2782). */
export interface SrvRecord {
  readonly host: string;
  readonly port: number;
  /** Lower is tried first. */
  readonly priority: number;
  readonly weight: number;
}

/** Looks names up in the DNS. */
export interface Resolver {
  /** SRV records of exactly this name, best first. @throws NOT_FOUND when there is none; UNAVAILABLE when the DNS does not answer */
  srv(name: string): Promise<SrvRecord[]>;
  /** IPv4 and IPv6 addresses of a name. @throws NOT_FOUND, UNAVAILABLE */
  addresses(name: string): Promise<string[]>;
}
