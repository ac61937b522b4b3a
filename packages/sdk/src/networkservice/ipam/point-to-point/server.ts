// SPDX-License-Identifier: Apache-2.0
import { IPContext, type Route } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";
import { type AddressPair, hostCidr, PointToPointPool } from "@nsm/ipam";

interface PairCidrs {
  readonly src: string;
  readonly dst: string;
}

const cidrsOf = ({ src, dst }: AddressPair): PairCidrs => ({ src: hostCidr(src), dst: hostCidr(dst) });

const without = (list: readonly string[], value: string): string[] => list.filter((item) => item !== value);
const withoutRoute = (routes: readonly Route[], prefix: string): Route[] =>
  routes.filter((route) => route.prefix !== prefix);

function remove(context: IPContext, { src, dst }: PairCidrs): void {
  context.srcIpAddrs = without(context.srcIpAddrs, src);
  context.dstIpAddrs = without(context.dstIpAddrs, dst);
  context.srcRoutes = withoutRoute(context.srcRoutes, dst);
  context.dstRoutes = withoutRoute(context.dstRoutes, src);
}

function add(context: IPContext, { src, dst }: PairCidrs): void {
  const addRoute = (routes: Route[], prefix: string): void => {
    if (!routes.some((route) => route.prefix === prefix)) routes.push({ prefix, nextHop: "" });
  };
  if (!context.srcIpAddrs.includes(src)) context.srcIpAddrs.push(src);
  if (!context.dstIpAddrs.includes(dst)) context.dstIpAddrs.push(dst);
  addRoute(context.srcRoutes, dst);
  addRoute(context.dstRoutes, src);
}

/**
 * Gives every connection a pair of addresses: the lower one for the endpoint, the next one for the client, each as a
 * single-address CIDR with a route to it on the other side. A refresh keeps the pair; one that is excluded meanwhile
 * is replaced. A new connection that brings a pair which is free and allowed gets it back; what it brings besides
 * stays in front. Several elements in one chain (IPv4 and IPv6) each add a pair.
 * Place in an endpoint, after `metadata`. State: the pairs, by connection id, until the Close or a failed first
 * Request. Upstream: `ipam/point2pointipam.NewServer`. Deviations: see `PointToPointPool`; unusable prefixes are
 * refused here instead of with every call.
 * @param prefixes CIDRs, used up in order
 * @throws INVALID_ARGUMENT NSM_IPAM_NO_PREFIX, NSM_IPAM_BAD_CIDR, NSM_IPAM_TOO_SMALL from the factory
 * @throws RESOURCE_EXHAUSTED NSM_IPAM_EMPTY `IPPool is empty` (Request)
 */
export function pointToPointIpamServer(prefixes: readonly string[]): NetworkServiceElement {
  const pool = new PointToPointPool(prefixes);
  return {
    name: "point-to-point-ipam-server",
    async request(ctx, request, next) {
      const { id, context } = request.connection;
      context.ipContext ??= IPContext.create();
      const lease = pool.acquire(id, context.ipContext);
      if (lease.replaced !== undefined) remove(context.ipContext, cidrsOf(lease.replaced));
      add(context.ipContext, cidrsOf(lease.pair));
      try {
        const connection = await next.request(ctx, request);
        lease.commit();
        return connection;
      } catch (error) {
        lease.rollback();
        throw error;
      }
    },
    async close(ctx, connection, next) {
      try {
        await next.close(ctx, connection);
      } finally {
        pool.release(connection.id);
      }
    },
    statistics: () => ({ pairs: pool.size }),
  };
}
