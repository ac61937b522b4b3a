// SPDX-License-Identifier: Apache-2.0
import { IPContext, type Route } from "@nsm/api";
import { type Connection, chain, type NetworkServiceElement } from "@nsm/core";
import type { IpamFactory } from "../group/index.js";
import { AddressOwners, addressOf } from "./owners.js";

/** Takes routes to these addresses out, in whatever form their prefix is written. */
function withoutRoutesTo(routes: readonly Route[], removed: readonly string[]): Route[] {
  const addresses = new Set(removed.flatMap((text) => addressOf(text) ?? []));
  return routes.filter(({ prefix }) => {
    const isHost = /\/(32|128)$/.test(prefix);
    return !removed.includes(prefix) && !(isHost && addresses.has(addressOf(prefix) ?? ""));
  });
}

const addressesOf = ({ context }: Connection): string[] => [
  ...(context.ipContext?.srcIpAddrs ?? []),
  ...(context.ipContext?.dstIpAddrs ?? []),
];

/**
 * Takes out of requests every address that is not one of the prefixes', or that another connection has, together
 * with the other side's route to it; then `ipam` gives what is missing. So a client that comes from another endpoint
 * loses the addresses it had there. Excluded prefixes stay.
 * Place in an endpoint, after `metadata`, instead of the element that `ipam` makes. State: owner of each address, until
 * the Close or a failed first Request. Upstream: `ipam/strictipam.NewServer`. Deviation: a refresh keeps the
 * connection's own addresses in their places; upstream takes them out and has them given again.
 * @param ipam makes the element behind, for example `pointToPointIpamServer`
 * @param prefixes CIDRs
 * @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR and what `ipam` throws, from the factory
 */
export function strictIpamServer(ipam: IpamFactory, prefixes: readonly string[]): NetworkServiceElement {
  const owners = new AddressOwners(prefixes);
  const inner = ipam(prefixes);

  const removeForeign = (id: string, context: IPContext): void => {
    const isForeign = (text: string): boolean => !owners.mayHave(id, text);
    const [src, dst] = [context.srcIpAddrs.filter(isForeign), context.dstIpAddrs.filter(isForeign)];
    context.srcIpAddrs = context.srcIpAddrs.filter((text) => !src.includes(text));
    context.dstIpAddrs = context.dstIpAddrs.filter((text) => !dst.includes(text));
    context.srcRoutes = withoutRoutesTo(context.srcRoutes, dst);
    context.dstRoutes = withoutRoutesTo(context.dstRoutes, src);
  };

  const guard: NetworkServiceElement = {
    name: "strict-ipam-guard-server",
    async request(ctx, request, next) {
      const { id, context } = request.connection;
      context.ipContext ??= IPContext.create();
      removeForeign(id, context.ipContext);
      const claimed = owners.claim(id, addressesOf(request.connection));
      try {
        const connection = await next.request(ctx, request);
        const given = addressesOf(connection);
        owners.claim(id, given);
        owners.freeAll(id, new Set(given.flatMap((text) => addressOf(text) ?? [])));
        return connection;
      } catch (error) {
        owners.free(id, claimed);
        throw error;
      }
    },
    async close(ctx, connection, next) {
      try {
        await next.close(ctx, connection);
      } finally {
        owners.freeAll(connection.id);
      }
    },
    statistics: () => ({ addresses: owners.size }),
  };
  return chain("strict-ipam-server", guard, inner);
}
