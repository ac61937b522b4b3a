// SPDX-License-Identifier: Apache-2.0
import { IPContext } from "@nsm/api";
import type { NetworkServiceElement, WatchedFile } from "@nsm/core";
import { DualStackPool } from "@nsm/ipam";

/**
 * Adds the cluster's excluded prefixes to those of the request: merged where they touch, in ascending order, IPv4
 * first, behind the request's own, each once. A file that changes counts from the next Request on.
 * Place in a manager. State: the merged list. Upstream: `excludedprefixes.NewServer`. Deviation: an entry of the file
 * that is neither address nor CIDR is left out; upstream then keeps the list before.
 * @param prefixes content of `/var/lib/networkservicemesh/config/excluded_prefixes.yaml`, CIDRs; absent = none
 */
export function excludedPrefixesServer(prefixes: WatchedFile<readonly string[]>): NetworkServiceElement {
  let read: readonly string[] | undefined;
  let merged: readonly string[] = [];
  const current = (): readonly string[] => {
    const content = prefixes.current();
    if (content !== read) {
      read = content;
      merged = DualStackPool.ofReadable(content ?? []).prefixes();
    }
    return merged;
  };
  return {
    name: "excluded-prefixes-server",
    request(ctx, request, next) {
      const { context } = request.connection;
      context.ipContext ??= IPContext.create();
      context.ipContext.excludedPrefixes = [
        ...new Set([...context.ipContext.excludedPrefixes, ...current()]),
      ];
      return next.request(ctx, request);
    },
  };
}
