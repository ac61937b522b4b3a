// SPDX-License-Identifier: Apache-2.0
import { chain, type NetworkServiceElement } from "@nsm/core";
import { pointToPointIpamServer } from "../point-to-point/index.js";

/** Makes an element that gives addresses out of these prefixes, used up in order. */
export type IpamFactory = (prefixes: readonly string[]) => NetworkServiceElement;

/**
 * Gives every connection addresses out of each group; within a group the prefixes are alternatives.
 * Place in an endpoint, after `metadata`. State: that of the elements it makes.
 * Upstream: `ipam/groupipam.NewServer`.
 * @param groups CIDRs by group, as `parseCidrGroups` of `@nsm/ipam` reads them
 * @param ipam makes the element of a group. Default: `pointToPointIpamServer`
 * @throws what `ipam` throws for a group
 */
export function groupIpamServer(
  groups: readonly (readonly string[])[],
  ipam: IpamFactory = pointToPointIpamServer,
): NetworkServiceElement {
  return chain("group-ipam-server", ...groups.map((prefixes) => ipam(prefixes)));
}
