// SPDX-License-Identifier: Apache-2.0
import { lookup, Resolver as QueryResolver } from "node:dns/promises";
import type { Resolver } from "@nsm/core";
import { isNotFound, lookupError, notFound } from "./errors.js";
import { orderSrv } from "./srv-order.js";

/** How {@link systemResolver} asks. */
export interface SystemResolverOptions {
  /**
   * Name servers `ip` or `ip:port` to ask instead of the system's; addresses then come from them alone, without the
   * hosts file. Default: the system's.
   */
  readonly servers?: readonly string[];
  /** Wait for an answer of one server before the next try, milliseconds; default 5000, resolv.conf's. */
  readonly timeoutMs?: number;
  /** Tries per server; default 2, resolv.conf's. */
  readonly tries?: number;
  /** Uniform in [0, 1), orders SRV records of one priority; default `Math.random`. */
  readonly random?: () => number;
}

/**
 * The system's resolver: SRV records by absolute name from the name servers of resolv.conf(5), addresses by
 * getaddrinfo(3): first the absolute name, then, when it does not exist, with hosts file and search domains. Upstream: Go's
 * `net.DefaultResolver`, which tries search domains for SRV records too.
 */
export function systemResolver(options: SystemResolverOptions = {}): Resolver {
  const { servers, timeoutMs = 5000, tries = 2, random = Math.random } = options;
  const queries = new QueryResolver({ timeout: timeoutMs, tries });
  if (servers !== undefined) queries.setServers(servers);
  const addressesOf = servers === undefined ? systemAddresses : (name: string) => queried(queries, name);
  return {
    async srv(name) {
      const answers = await queries.resolveSrv(absolute(name)).catch((error: unknown) => {
        throw lookupError(name, error);
      });
      if (answers.length === 0) throw notFound(name);
      const records = answers.map(({ name: host, port, priority, weight }) => ({
        host,
        port,
        priority,
        weight,
      }));
      return orderSrv(records, random);
    },
    addresses: addressesOf,
  };
}

const absolute = (name: string): string => (name.endsWith(".") ? name : `${name}.`);

async function systemAddresses(name: string): Promise<string[]> {
  try {
    return await lookedUp(name, absolute(name));
  } catch (error) {
    if (!isNotFound(error) || absolute(name) === name) throw error;
    return await lookedUp(name, name);
  }
}

async function lookedUp(name: string, asked: string): Promise<string[]> {
  try {
    const found = await lookup(asked, { all: true });
    if (found.length === 0) throw notFound(name);
    return found.map(({ address }) => address);
  } catch (error) {
    throw isNotFound(error) ? error : lookupError(name, error);
  }
}

/** IPv4 before IPv6; one family that cannot be had is no failure while the other is there. */
async function queried(queries: QueryResolver, name: string): Promise<string[]> {
  const asked = absolute(name);
  const families = await Promise.allSettled([queries.resolve4(asked), queries.resolve6(asked)]);
  const found = families.flatMap((family) => (family.status === "fulfilled" ? family.value : []));
  if (found.length > 0) return found;
  const failures = families.flatMap((family) =>
    family.status === "rejected" ? [lookupError(name, family.reason)] : [],
  );
  throw failures.find((failure) => !isNotFound(failure)) ?? failures[0] ?? notFound(name);
}
