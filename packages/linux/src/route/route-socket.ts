// SPDX-License-Identifier: Apache-2.0
import { type NetlinkSocket, openNetlinkSocket } from "../netlink/index.js";
import type { Netns } from "../netns/index.js";
import { type AddressOperations, addressOperations } from "./addresses.js";
import { type LinkOperations, linkOperations } from "./links.js";
import { type NeighbourOperations, neighbourOperations } from "./neighbours.js";
import { type RouteOperations, routeOperations } from "./routes.js";
import { type RuleOperations, ruleOperations } from "./rules.js";
import { type TrafficOperations, trafficOperations } from "./traffic.js";

const NETLINK_ROUTE = 0;

/**
 * rtnetlink (rtnetlink(7)) in one network namespace. Every operation is one message that the kernel carries out
 * before the call returns; promises only carry the result. Open sockets keep their namespace alive.
 */
export interface RouteSocket
  extends LinkOperations,
    AddressOperations,
    RouteOperations,
    RuleOperations,
    NeighbourOperations,
    TrafficOperations {
  /** Gives the descriptor back; later operations fail with EBADF. */
  close(): void;
}

/**
 * Opens rtnetlink.
 * @param netns namespace to work in; undefined: the own one. It may be closed right afterwards.
 * @throws LinuxError EPERM when the namespace cannot be entered
 */
export function openRouteSocket(netns?: Netns): RouteSocket {
  return routeSocketOn(openNetlinkSocket(NETLINK_ROUTE, netns));
}

/** rtnetlink on a netlink socket that is open already; closing it closes that. */
export function routeSocketOn(socket: NetlinkSocket): RouteSocket {
  return {
    ...linkOperations(socket),
    ...addressOperations(socket),
    ...routeOperations(socket),
    ...ruleOperations(socket),
    ...neighbourOperations(socket),
    ...trafficOperations(socket),
    close: () => socket.close(),
  };
}
