// SPDX-License-Identifier: Apache-2.0
import type { IPContext, Route } from "./gen/connectioncontext.js";
import { formatIp, type IpNet, netContains, parseCidr } from "./ip-address.js";

/** Addresses of the client's interface with their prefix lengths; unreadable entries are skipped. */
export function srcIpNets(context: IPContext | undefined): IpNet[] {
  return readable(context?.srcIpAddrs);
}

/** Addresses of the endpoint's interface with their prefix lengths; unreadable entries are skipped. */
export function dstIpNets(context: IPContext | undefined): IpNet[] {
  return readable(context?.dstIpAddrs);
}

/**
 * The client's routes, each with a next hop where one is needed (upstream `GetSrcRoutesWithExplicitNextHop`): an
 * empty next hop becomes the endpoint's first address of the same family, unless the route's own address lies in
 * one of the endpoint's networks. Routes that need no change, and unreadable ones, are returned as they are.
 */
export function srcRoutesWithNextHop(context: IPContext | undefined): Route[] {
  return withNextHop(context?.srcRoutes ?? [], dstIpNets(context));
}

/** The endpoint's routes; as {@link srcRoutesWithNextHop} with the sides swapped. */
export function dstRoutesWithNextHop(context: IPContext | undefined): Route[] {
  return withNextHop(context?.dstRoutes ?? [], srcIpNets(context));
}

/**
 * Routes to the client's addresses (upstream `GetSrcIPRoutes`): one per readable `srcIpAddrs` entry that lies in no
 * network of the endpoint; the prefix is the entry as it was given.
 */
export function srcIpRoutes(context: IPContext | undefined): Route[] {
  return routesOutside(context?.srcIpAddrs, dstIpNets(context));
}

/** Routes to the endpoint's addresses; as {@link srcIpRoutes} with the sides swapped. */
export function dstIpRoutes(context: IPContext | undefined): Route[] {
  return routesOutside(context?.dstIpAddrs, srcIpNets(context));
}

function readable(addrs: readonly string[] | undefined): IpNet[] {
  return (addrs ?? []).map(parseCidr).filter((net) => net !== undefined);
}

function withNextHop(routes: readonly Route[], peers: readonly IpNet[]): Route[] {
  return routes.map((route) => {
    const address = parseCidr(route.prefix)?.address;
    if (route.nextHop !== "" || address === undefined) return route;
    if (peers.some((peer) => netContains(peer, address))) return route;
    const hop = peers.find((peer) => peer.address.family === address.family);
    return hop === undefined ? route : { ...route, nextHop: formatIp(hop.address) };
  });
}

function routesOutside(addrs: readonly string[] | undefined, nets: readonly IpNet[]): Route[] {
  return (addrs ?? [])
    .filter((addr) => {
      const own = parseCidr(addr);
      return own !== undefined && !nets.some((net) => netContains(net, own.address));
    })
    .map((prefix) => ({ prefix, nextHop: "" }));
}
