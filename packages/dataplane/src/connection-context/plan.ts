// SPDX-License-Identifier: Apache-2.0
import {
  dstIpRoutes,
  dstRoutesWithNextHop,
  formatCidr,
  formatIp,
  type IPContext,
  type IpNet,
  parseCidr,
  parseIp,
  type Route,
  srcIpRoutes,
  srcRoutesWithNextHop,
} from "@nsm/api";
import { Code, type Connection, type LinkSide, StatusError } from "@nsm/core";
import { isMac } from "./ethernet.js";
import { wantedMtuBytes } from "./mtu.js";

/** A route of a pod's link. */
export interface PlannedRoute {
  /** Masked CIDR. */
  readonly destination: string;
  /** Undefined: directly over the link, with scope LINK, so that other routes may use the destination as next hop. */
  readonly gateway?: string;
}

/** A neighbour entry of a pod's link. */
export interface PlannedNeighbour {
  readonly ip: string;
  readonly macAddress: string;
}

/** What a connection wants of one pod's link. */
export interface PodPlan {
  /** CIDRs in canonical text; empty: addresses are somebody else's business. */
  readonly addresses: readonly string[];
  /** In the order of making; one per destination. */
  readonly routes: readonly PlannedRoute[];
  readonly neighbours: readonly PlannedNeighbour[];
  /** Undefined: left as it is. */
  readonly mtuBytes: number | undefined;
}

/**
 * What the connection context says of one side: `server` is the requester's pod with the source data, `client` the
 * endpoint's with the destination data. Unreadable addresses are skipped as upstream does.
 *
 * No PERMANENT neighbours for the far addresses (upstream `ipneighbors` with a known peer): frames are cross connected
 * on layer 2, so ARP and neighbour discovery run end to end.
 * Upstream: sdk-kernel `connectioncontextkernel/ipcontext`. Deviation: upstream skips addresses that it cannot read,
 * and the client would wait for traffic that never comes.
 *
 * @throws INVALID_ARGUMENT ADDRESS, ROUTE, NEIGHBOUR for text that cannot be read, of either side; MTU
 */
export function podPlan(side: LinkSide, connection: Connection): PodPlan {
  const ip = connection.context.ipContext;
  const addresses = {
    server: (ip?.srcIpAddrs ?? []).map(canonical),
    client: (ip?.dstIpAddrs ?? []).map(canonical), // both sides' are read: each has routes to the other's
  };
  return {
    addresses: unique(addresses[side]),
    routes: routesOf(side, ip),
    neighbours: (ip?.ipNeighbors ?? []).map(({ ip, hardwareAddress }) => {
      const address = parseIp(ip);
      if (address === undefined || !isMac(hardwareAddress)) {
        throw invalid(
          "NEIGHBOUR",
          `not a neighbour: ${JSON.stringify(ip)} at ${JSON.stringify(hardwareAddress)}`,
        );
      }
      return { ip: formatIp(address), macAddress: hardwareAddress.toLowerCase() };
    }),
    mtuBytes: wantedMtuBytes(connection),
  };
}

function canonical(address: string): string {
  const net = parseCidr(address);
  if (net === undefined) {
    throw invalid("ADDRESS", `not an address with prefix length: ${JSON.stringify(address)}`);
  }
  return formatCidr(net);
}

/**
 * Routes to the far addresses outside our own prefixes, then the context's routes. A later route to the same
 * destination replaces the earlier one, as the kernel would. Deviation: upstream gives the context's routes without
 * next hop scope UNIVERSE, here they have scope LINK.
 */
function routesOf(side: LinkSide, ip: IPContext | undefined): PlannedRoute[] {
  const toFarSide = side === "server" ? dstIpRoutes(ip) : srcIpRoutes(ip);
  const further = side === "server" ? srcRoutesWithNextHop(ip) : dstRoutesWithNextHop(ip);
  const planned = [...toFarSide.map(plannedRoute), ...further.map(plannedRoute)];
  const byDestination = new Map<string, PlannedRoute>();
  for (const route of planned) {
    byDestination.delete(route.destination);
    byDestination.set(route.destination, route);
  }
  return [...byDestination.values()];
}

function plannedRoute({ prefix, nextHop }: Route): PlannedRoute {
  const net = parseCidr(prefix);
  if (net === undefined) throw invalid("ROUTE", `not a route prefix: ${JSON.stringify(prefix)}`);
  const destination = formatCidr(masked(net));
  if (nextHop === "") return { destination };
  const gateway = parseIp(nextHop);
  if (gateway?.family !== net.address.family) {
    throw invalid("ROUTE", `not a next hop for ${prefix}: ${JSON.stringify(nextHop)}`);
  }
  return { destination, gateway: formatIp(gateway) };
}

function masked({ address: { family, value }, prefixLength }: IpNet): IpNet {
  const hostBits = BigInt((family === 4 ? 32 : 128) - prefixLength);
  return { address: { family, value: (value >> hostBits) << hostBits }, prefixLength };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function invalid(reason: string, message: string): StatusError {
  return new StatusError(Code.INVALID_ARGUMENT, message, { reason });
}
