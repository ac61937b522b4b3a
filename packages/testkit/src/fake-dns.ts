// SPDX-License-Identifier: Apache-2.0
import { Code, type Resolver, StatusError } from "@nsm/core";

/** What a name of {@link FakeDns} resolves to. */
export interface FakeDnsRecord {
  /** Port of its SRV record; absent: none. */
  readonly port?: number;
  readonly addresses?: readonly string[];
}

/** A DNS in memory. */
export interface FakeDns extends Resolver {
  /** Publishes a name, or replaces what it resolves to. */
  publish(name: string, record: FakeDnsRecord): void;
  /** Names not published fail with NOT_FOUND, all names while this is true with UNAVAILABLE. */
  broken: boolean;
  /** Names asked for, each with its kind of query. */
  readonly queries: readonly string[];
}

/** Makes a DNS that knows `records`. */
export function fakeDns(records: Readonly<Record<string, FakeDnsRecord>> = {}): FakeDns {
  const names = new Map(Object.entries(records));
  const queries: string[] = [];
  const ask = (kind: string, name: string): FakeDnsRecord => {
    queries.push(`${kind} ${name}`);
    if (dns.broken) {
      throw new StatusError(Code.UNAVAILABLE, `lookup ${name}: ETIMEOUT`, { reason: "DNS_UNAVAILABLE" });
    }
    return names.get(name) ?? {};
  };
  const absent = (name: string): StatusError =>
    new StatusError(Code.NOT_FOUND, `lookup ${name}: no such host`, { reason: "DNS_NOT_FOUND" });
  const dns: FakeDns = {
    broken: false,
    queries,
    publish: (name, record) => void names.set(name, record),
    async srv(name) {
      const { port } = ask("SRV", name);
      if (port === undefined) throw absent(name);
      return [{ host: name, port, priority: 0, weight: 0 }];
    },
    async addresses(name) {
      const { addresses = [] } = ask("A", name);
      if (addresses.length === 0) throw absent(name);
      return [...addresses];
    },
  };
  return dns;
}
