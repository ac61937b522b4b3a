// SPDX-License-Identifier: Apache-2.0
import { formatIp, parseIp } from "@nsm/api";
import { Code, StatusError } from "@nsm/core";
import { AF_INET, AF_INET6, type IpFamily, mainTable, type Route, type RouteSocket, scope } from "@nsm/linux";

/**
 * Own tunnel address when none is configured: the first global unicast address of the link that has the default route
 * with the lowest metric, IPv4 before IPv6. Upstream: cmd-forwarder-vpp, unset `NSM_TUNNEL_IP`.
 * @returns canonical text; undefined without a default route or such an address
 */
export async function defaultTunnelIp(route: RouteSocket): Promise<string | undefined> {
  for (const family of [AF_INET, AF_INET6] as const) {
    const [first] = await defaultRoutes(route, family);
    if (first?.linkIndex === undefined) continue;
    const addresses = await route.addresses(first.linkIndex);
    const usable = addresses
      .filter((address) => address.scope === scope.UNIVERSE)
      .map(({ address }) => ipOf(address));
    const ofFamily = usable.find((ip) => ip.includes(":") === (family === AF_INET6));
    if (ofFamily !== undefined || usable[0] !== undefined) return ofFamily ?? usable[0];
  }
  return undefined;
}

async function defaultRoutes(route: RouteSocket, family: IpFamily): Promise<Route[]> {
  const routes = await route.routes({ family, table: mainTable });
  return routes
    .filter(({ destination, type }) => destination.endsWith("/0") && type === 1)
    .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
}

/** What is known of the own end of tunnels. */
export interface TunnelAddress {
  /** Canonical text. */
  readonly ip: string;
  /** MTU of the link that owns it, bytes. */
  readonly linkMtuBytes: number;
}

/**
 * Looks up the link that owns a configured tunnel address.
 * @param text IPv4 or IPv6 address
 * @throws INVALID_ARGUMENT TUNNEL_IP when it is no address, or none of this namespace
 */
export async function tunnelAddress(route: RouteSocket, text: string): Promise<TunnelAddress> {
  const parsed = parseIp(text);
  const ip = parsed === undefined ? "" : formatIp(parsed);
  const owner = (await route.addresses()).find(({ address }) => ipOf(address) === ip);
  const link = owner === undefined ? undefined : await route.linkGet(owner.linkIndex);
  if (link !== undefined) return { ip, linkMtuBytes: link.mtuBytes };
  throw new StatusError(
    Code.INVALID_ARGUMENT,
    `NSM_TUNNEL_IP ${JSON.stringify(text)} is not an address of this machine`,
    { reason: "TUNNEL_IP" },
  );
}

function ipOf(cidr: string): string {
  return cidr.slice(0, cidr.lastIndexOf("/"));
}
