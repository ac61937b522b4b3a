// SPDX-License-Identifier: Apache-2.0
import type { Pod } from "../world/pod.js";
import { withRouteSocket } from "../world/underlay.js";

/** What IFACE saw of a link in a pod. */
export interface InterfaceSeen {
  readonly ifindex: number;
  readonly up: boolean;
  readonly mtuBytes: number;
  readonly macAddress: string;
  /** CIDRs of universe scope, sorted. */
  readonly addresses: readonly string[];
  /** Destinations of scope link routes (IPv6: routes without gateway) in the main table, sorted. */
  readonly linkRoutes: readonly string[];
}

const RT_SCOPE_LINK = 253;
const PROTOCOL_KERNEL = 2;
const MAIN_TABLE = 254;

/** IFACE: the named link in the pod, or undefined when there is none. */
export async function interfaceSeen(pod: Pod, name: string): Promise<InterfaceSeen | undefined> {
  return await withRouteSocket(pod.holder.netnsPath, async (route) => {
    const link = await route.linkGet(name);
    if (!link) return undefined;
    const addresses = await route.addresses(link.index);
    const routes = await route.routes({ linkIndex: link.index, table: MAIN_TABLE });
    const isLinkRoute = (r: (typeof routes)[number]): boolean =>
      r.gateway === undefined &&
      r.protocol !== PROTOCOL_KERNEL &&
      (r.scope === RT_SCOPE_LINK || r.destination.includes(":"));
    return {
      ifindex: link.index,
      up: link.up,
      mtuBytes: link.mtuBytes,
      macAddress: link.macAddress ?? "",
      addresses: addresses
        .filter((a) => a.scope === 0)
        .map((a) => a.address)
        .sort(),
      linkRoutes: routes
        .filter(isLinkRoute)
        .map((r) => r.destination)
        .sort(),
    };
  });
}
