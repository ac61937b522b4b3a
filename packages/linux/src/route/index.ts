// SPDX-License-Identifier: Apache-2.0
export { type AddressOperations, addressFlag, type LinkAddress, scope } from "./addresses.js";
export { type Announcement, type Announcer, announcer } from "./announce.js";
export type { Link, LinkStatistics, VxlanParameters } from "./link-codec.js";
export type {
  BridgeSpec,
  LinkChanges,
  LinkOperations,
  LinkProperties,
  LinkSpec,
  VethSpec,
  VxlanSpec,
} from "./links.js";
export {
  type DefaultDestination,
  type ForwardingEntry,
  type Neighbour,
  type NeighbourOperations,
  neighbourState,
} from "./neighbours.js";
export { openRouteSocket, type RouteSocket, routeSocketOn } from "./route-socket.js";
export { mainTable, type Route, type RouteFilter, type RouteOperations, type RouteSpec } from "./routes.js";
export type { PortRange, Rule, RuleOperations } from "./rules.js";
export type { IngressFilter, QueueingDiscipline, TrafficOperations } from "./traffic.js";
export { type LinkEvent, type LinkWatch, type WatchOptions, watchLinks } from "./watch.js";
