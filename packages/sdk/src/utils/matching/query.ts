// SPDX-License-Identifier: Apache-2.0
import { containsLabels, equal, type NetworkService, type NetworkServiceEndpoint } from "@nsm/api";

/**
 * Whether a stored network service answers a query: name, payload and matches are equal where the query sets
 * them. Upstream: `matchutils.MatchNetworkServices`.
 */
export function matchNetworkServices(query: NetworkService, stored: NetworkService): boolean {
  return (
    (query.name === "" || query.name === stored.name) &&
    (query.payload === "" || query.payload === stored.payload) &&
    (query.matches.length === 0 || equal(query.matches, stored.matches))
  );
}

/**
 * Whether a stored endpoint answers a query, field by field where the query sets it: equal name, the queried
 * labels present for each queried service, equal expiration in whole seconds, all queried services served, and
 * the queried URL contained in the stored one. Registration time and path ids are not looked at.
 * Upstream: `matchutils.MatchNetworkServiceEndpoints`, which crashes when only the query has an expiration;
 * here that is no match.
 */
export function matchNetworkServiceEndpoints(
  query: NetworkServiceEndpoint,
  stored: NetworkServiceEndpoint,
): boolean {
  return (
    (query.name === "" || query.name === stored.name) &&
    hasLabels(query, stored) &&
    (query.expirationTime === undefined || query.expirationTime.seconds === stored.expirationTime?.seconds) &&
    query.networkServiceNames.every((name) => stored.networkServiceNames.includes(name)) &&
    stored.url.includes(query.url)
  );
}

function hasLabels(query: NetworkServiceEndpoint, stored: NetworkServiceEndpoint): boolean {
  return Object.entries(query.networkServiceLabels).every(([service, wanted]) => {
    const all = stored.networkServiceLabels;
    return Object.hasOwn(all, service) && containsLabels(all[service]?.labels ?? {}, wanted.labels);
  });
}
