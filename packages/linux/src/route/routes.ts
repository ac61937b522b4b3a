// SPDX-License-Identifier: Apache-2.0
import {
  AF_INET,
  AF_INET6,
  bytes,
  familyOf,
  flag,
  type IpFamily,
  ip,
  ipText,
  maskedBytes,
  messageCodec,
  type NetlinkRequest,
  type NetlinkSocket,
  parsePrefix,
  struct,
  u8,
  u32,
} from "../netlink/index.js";
import { scope as scopes } from "./addresses.js";
import { present } from "./link-codec.js";
import { changes, type MessageName, routeRequest } from "./request.js";

const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RTNH_F_ONLINK = 4;
/** RT_TABLE_MAIN of linux/rtnetlink.h. */
export const mainTable = 254;

/** struct rtmsg and RTA_* of linux/rtnetlink.h. */
const routeMessage = messageCodec(
  struct({
    family: u8,
    destinationLength: u8,
    sourceLength: u8,
    tos: u8,
    table: u8,
    protocol: u8,
    scope: u8,
    type: u8,
    flags: u32,
  }),
  {
    destination: [1, bytes],
    linkIndex: [4, u32],
    gateway: [5, ip],
    metric: [6, u32],
    source: [7, ip],
    table: [15, u32],
  },
);

/** A unicast route to make or to find. */
export interface RouteSpec {
  /** Prefix; bits beyond its length are ignored. `0.0.0.0/0` and `::/0` are default routes. */
  readonly destination: string;
  readonly linkIndex: number;
  /** Next hop; absent: the destination is reached directly. With one, ONLINK is set: it need not be reachable yet. */
  readonly gateway?: string;
  /** Default: main (254). */
  readonly table?: number;
  /** Scope LINK instead of UNIVERSE, for on-link routes of IPv4; IPv6 has no scopes. */
  readonly linkScope?: boolean;
  /** Preferred source address (RTA_PREFSRC). */
  readonly source?: string;
  /** Lower wins. Default: 0 for IPv4, 1024 for IPv6. */
  readonly metric?: number;
}

/** A route as the kernel shows it. */
export interface Route {
  readonly family: IpFamily;
  readonly destination: string;
  readonly table: number;
  /** RTN_*: 1 unicast, 2 local, 3 broadcast… */
  readonly type: number;
  /** RTPROT_*: 2 kernel, 3 boot (ours)… */
  readonly protocol: number;
  readonly scope: number;
  /** RTNH_F_*. */
  readonly flags: number;
  readonly linkIndex?: number;
  readonly gateway?: string;
  readonly source?: string;
  readonly metric?: number;
}

/** Which routes to list; absent fields match all. */
export interface RouteFilter {
  readonly family?: IpFamily;
  readonly table?: number;
  readonly linkIndex?: number;
}

/** Operations on routes. */
export interface RouteOperations {
  /**
   * Adds a route or replaces the one with the same destination, table and metric.
   * @throws LinuxError ENETDOWN when the link is down; ENETUNREACH, EINVAL, ENODEV
   */
  routeReplace(route: RouteSpec): Promise<void>;
  /** Deletes the route with these properties. @returns false when it was absent already */
  routeDelete(route: RouteSpec): Promise<boolean>;
  /** Routes of all tables, `local` included, unless filtered. */
  routes(filter?: RouteFilter): Promise<Route[]>;
}

/** Builds the route operations on a socket. */
export function routeOperations(socket: NetlinkSocket): RouteOperations {
  return {
    async routeReplace(route) {
      socket.request(encodeRoute("RTM_NEWROUTE", route, flag.CREATE | flag.REPLACE));
    },
    async routeDelete(route) {
      return changes(socket, encodeRoute("RTM_DELROUTE", route), "ESRCH", "ENODEV");
    },
    async routes(filter = {}) {
      const families: IpFamily[] = filter.family === undefined ? [AF_INET, AF_INET6] : [filter.family];
      return families
        .flatMap((family) => listRoutes(socket, family))
        .filter((route) => matches(route, filter));
    },
  };
}

function listRoutes(socket: NetlinkSocket, family: IpFamily): Route[] {
  const request = routeRequest("RTM_GETROUTE", routeMessage.encode({ family }));
  const found = socket.dump(request, ({ payload }) => decodeRoute(payload));
  // A kernel without IPv6 answers for every family
  return found.filter((route) => route.family === family);
}

function matches(route: Route, { table, linkIndex }: RouteFilter): boolean {
  return (table ?? route.table) === route.table && (linkIndex ?? route.linkIndex) === route.linkIndex;
}

function encodeRoute(name: MessageName, route: RouteSpec, flags?: number): NetlinkRequest {
  const prefix = parsePrefix(route.destination);
  const { linkIndex, gateway, source, metric, table = mainTable } = route;
  if (gateway !== undefined && familyOf(gateway) !== prefix.family)
    throw new TypeError("gateway of another family");
  const header = {
    family: prefix.family,
    destinationLength: prefix.length,
    protocol: RTPROT_BOOT,
    scope: route.linkScope === true ? scopes.LINK : scopes.UNIVERSE,
    type: RTN_UNICAST,
    flags: gateway === undefined ? 0 : RTNH_F_ONLINK,
  };
  const values = { destination: maskedBytes(prefix), linkIndex, gateway, metric, source, table };
  return routeRequest(name, routeMessage.encode(header, values), route.destination, flags);
}

function decodeRoute(payload: Buffer): Route {
  const { header, values } = routeMessage.decode(payload);
  const family = header.family as IpFamily;
  const any = family === AF_INET ? "0.0.0.0" : "::";
  const destination = values.destination === undefined ? any : ipText(values.destination);
  return {
    family,
    destination: `${destination}/${header.destinationLength}`,
    table: values.table ?? header.table,
    type: header.type,
    protocol: header.protocol,
    scope: header.scope,
    flags: header.flags,
    ...present({
      linkIndex: values.linkIndex,
      gateway: values.gateway,
      source: values.source,
      metric: values.metric,
    }),
  };
}
