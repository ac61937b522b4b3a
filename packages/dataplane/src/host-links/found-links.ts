// SPDX-License-Identifier: Apache-2.0
import type { Link, RouteSocket } from "@nsm/linux";
import { ownLink } from "../names/index.js";

/** A link of a forwarder as this one, found at the start. */
export interface FoundLink {
  readonly link: Link;
  /**
   * Index of the link to which frames go on that enter it; undefined when there is none: its building was interrupted,
   * or the other side is gone.
   */
  readonly leadsTo: number | undefined;
}

/** The links of forwarders as this one, among all of a namespace. */
export async function foundLinks(route: RouteSocket, links: readonly Link[]): Promise<FoundLink[]> {
  const indexes = new Set(links.map(({ index }) => index));
  const found: FoundLink[] = [];
  for (const link of links) {
    if (ownLink(link) === undefined) continue;
    const filters = await route.ingressFilters(link.index);
    const target = filters.find(({ redirectTo }) => indexes.has(redirectTo ?? 0));
    found.push({ link, leadsTo: target?.redirectTo });
  }
  return found;
}
