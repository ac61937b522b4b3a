// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import type { Connection } from "@nsm/core";
import { isSubset } from "../../../utils/matching/index.js";

/** What a forwarder must be when the network service says nothing else: point to point. */
const DEFAULT_LABELS = { p2p: "true" };

/**
 * Forwarders that suit a connection, in the given order: all without matches; else those whose labels under the
 * forwarder service contain the metadata labels (default `p2p: "true"`) of the first match for the client's
 * labels. A match with `fallthrough` that no forwarder suits hands over to the next one.
 */
export function suitableForwarders(
  connection: Connection,
  { matches }: NetworkService,
  forwarders: readonly NetworkServiceEndpoint[],
  forwarderService: string,
): NetworkServiceEndpoint[] {
  if (matches.length === 0) return [...forwarders];
  const { labels } = connection;
  for (const match of matches) {
    if (!isSubset(labels, match.sourceSelector, labels)) continue;
    const stated = match.metadata?.labels ?? {};
    const wanted = Object.keys(stated).length > 0 ? stated : DEFAULT_LABELS;
    const suitable = forwarders.filter(({ networkServiceLabels }) => {
      const own = Object.hasOwn(networkServiceLabels, forwarderService)
        ? networkServiceLabels[forwarderService]?.labels
        : undefined;
      return own !== undefined && isSubset(own, wanted, labels);
    });
    if (suitable.length > 0 || !match.fallthrough) return suitable;
  }
  return [];
}
