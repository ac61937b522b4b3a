// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";

/** Whether a SPIFFE ID is allowed. */
export type AllowedPeers = (spiffeId: string) => boolean;

const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const ID = /^spiffe:\/\/[a-z0-9._-]+(\/[A-Za-z0-9._-]+)*(\/\*)?$/;

/**
 * Reads a list of trust domains, SPIFFE IDs, and IDs that end in a slash and a star, which stand for all below.
 * An empty list allows everybody.
 * @throws INVALID_ARGUMENT ALLOWED_PEERS
 */
export function allowedPeers(list: readonly string[]): AllowedPeers {
  if (list.length === 0) return () => true;
  const exact = new Set<string>();
  const prefixes: string[] = [];
  for (const item of list) {
    if (TRUST_DOMAIN.test(item)) {
      exact.add(`spiffe://${item}`);
      prefixes.push(`spiffe://${item}/`);
    } else if (!ID.test(item)) throw unreadable(item);
    else if (item.endsWith("/*")) prefixes.push(item.slice(0, -1));
    else exact.add(item);
  }
  return (spiffeId) => exact.has(spiffeId) || prefixes.some((prefix) => spiffeId.startsWith(prefix));
}

function unreadable(item: string): StatusError {
  return new StatusError(
    Code.INVALID_ARGUMENT,
    `${JSON.stringify(item)} is neither a trust domain nor a SPIFFE ID, with /* at its end or not`,
    { reason: "ALLOWED_PEERS" },
  );
}
