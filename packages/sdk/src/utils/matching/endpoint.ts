// SPDX-License-Identifier: Apache-2.0
import type { Labels, Match, NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import { isSubset } from "./labels.js";

/**
 * The endpoints that a client may use, in match order; an endpoint appears once per route it satisfies.
 * Without matches all fit. Otherwise the first match decides whose source selector fits the client: the
 * endpoints its routes select; with none of them the next match when it falls through, all endpoints when it
 * has metadata and no routes (it only chooses a forwarder). Upstream: `matchutils.MatchEndpoint`; route weights
 * are not read, as there.
 * @param endpoints keep their order
 */
export function matchEndpoint(
  clientLabels: Labels,
  networkService: NetworkService,
  ...endpoints: readonly NetworkServiceEndpoint[]
): NetworkServiceEndpoint[] {
  if (networkService.matches.length === 0) return [...endpoints];
  for (const match of networkService.matches) {
    if (!isSubset(clientLabels, match.sourceSelector, clientLabels)) continue;
    const candidates = routed(match, clientLabels, networkService.name, endpoints);
    if (candidates.length === 0 && match.fallthrough) continue;
    if (candidates.length === 0 && match.metadata !== undefined && match.routes.length === 0)
      return [...endpoints];
    return candidates;
  }
  return [];
}

function routed(
  match: Match,
  clientLabels: Labels,
  serviceName: string,
  endpoints: readonly NetworkServiceEndpoint[],
): NetworkServiceEndpoint[] {
  return match.routes.flatMap((route) =>
    endpoints.filter((endpoint) => {
      const all = endpoint.networkServiceLabels;
      const labels = Object.hasOwn(all, serviceName) ? all[serviceName]?.labels : undefined;
      return isSubset(labels ?? {}, route.destinationSelector, clientLabels);
    }),
  );
}
