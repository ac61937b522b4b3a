// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";

/**
 * Sorts the preferences: listed types first, in the order of the list, the others behind in the order they had.
 * Place after whatever adds preferences. State: none. Upstream: `mechanismpriority.NewClient`.
 * @param priorities mechanism types in any case, most wanted first
 */
export function mechanismPriorityClient(priorities: readonly string[]): NetworkServiceElement {
  const ranks = new Map<string, number>();
  for (const type of priorities) {
    const known = type.toUpperCase();
    if (!ranks.has(known)) ranks.set(known, ranks.size);
  }
  const rank = (type: string): number => ranks.get(type) ?? ranks.size;
  return {
    name: "mechanism-priority-client",
    request(ctx, request, next) {
      request.mechanismPreferences.sort((a, b) => rank(a.type) - rank(b.type));
      return next.request(ctx, request);
    },
  };
}
