// SPDX-License-Identifier: Apache-2.0
import { IPContext, newRequest, type Route } from "@nsm/api";
import {
  type Connection,
  type Context,
  chain,
  contextKey,
  detached,
  type NetworkServiceElement,
  normalizeRequest,
  start,
} from "@nsm/core";
import { hostCidr } from "@nsm/ipam";
import type { IpamFactory } from "../group/index.js";
import { AddressOwners, addressOf } from "./owners.js";

/** What the element before the IPAM tells the one behind it. */
interface Brought {
  /** The request's own excluded prefixes. */
  readonly excludedPrefixes: string[];
  /** Addresses that a new connection brought and keeps, as they are written. */
  readonly kept: ReadonlySet<string>;
  /** How many addresses a connection gets; undefined when the IPAM has none to give. */
  readonly countOfOne: number | undefined;
}

const brought = contextKey<Brought>("strict-ipam.brought");

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
 * with the other side's route to it; out of those of a connection that has addresses here all others. Then `ipam`
 * gives what is missing. So a client that comes from another endpoint loses the addresses it had there.
 * Excluded prefixes stay.
 * Place in an endpoint, after `metadata`, instead of the element that `ipam` makes. State: owner of each address, until
 * the Close or a failed first Request. Upstream: `ipam/strictipam.NewServer`. Deviations: a refresh keeps the
 * connection's own addresses in their places; upstream takes them out and has them given again. An address that a
 * connection brought and `ipam` did not take up is given to nobody else; to `ipam` it is an excluded one.
 * @param ipam makes the element behind, for example `pointToPointIpamServer`
 * @param prefixes CIDRs
 * @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR and what `ipam` throws, from the factory
 */
export function strictIpamServer(ipam: IpamFactory, prefixes: readonly string[]): NetworkServiceElement {
  const owners = new AddressOwners(prefixes);

  const removeForeign = (id: string, context: IPContext): void => {
    const isForeign = owners.has(id)
      ? (text: string): boolean => !owners.owns(id, text)
      : (text: string): boolean => !owners.mayHave(id, text);
    const [src, dst] = [context.srcIpAddrs.filter(isForeign), context.dstIpAddrs.filter(isForeign)];
    context.srcIpAddrs = context.srcIpAddrs.filter((text) => !src.includes(text));
    context.dstIpAddrs = context.dstIpAddrs.filter((text) => !dst.includes(text));
    context.srcRoutes = withoutRoutesTo(context.srcRoutes, dst);
    context.dstRoutes = withoutRoutesTo(context.dstRoutes, src);
  };

  let countOfOne: Promise<number | undefined> | undefined;
  /** How many addresses a connection gets, tried on an IPAM of its own. */
  const countAddresses = async (ctx: Context): Promise<number | undefined> => {
    const trial = start(ipam(prefixes));
    try {
      const request = normalizeRequest(newRequest({ connection: { id: "strict-ipam-trial" } }));
      const connection = await trial.request(detached(ctx), request);
      const { length } = addressesOf(connection);
      await trial.close(detached(ctx), connection);
      return length;
    } catch {
      return undefined;
    }
  };

  const before: NetworkServiceElement = {
    name: "strict-ipam-before-server",
    async request(ctx, request, next) {
      const { id, context } = request.connection;
      context.ipContext ??= IPContext.create();
      const { ipContext } = context;
      const isBringing = !owners.has(id) && addressesOf(request.connection).length > 0;
      if (isBringing) countOfOne ??= countAddresses(ctx);
      const expected = isBringing ? await countOfOne : undefined;
      removeForeign(id, ipContext);
      const texts = addressesOf(request.connection);
      const claimed = owners.claim(id, texts);
      const { excludedPrefixes } = ipContext;
      ipContext.excludedPrefixes = [...excludedPrefixes, ...owners.orphansOfOthers(id).map(hostCidr)];
      const kept = new Set(isBringing ? texts : []);
      try {
        const connection = await next.request(
          ctx.with(brought, { excludedPrefixes, kept, countOfOne: expected }),
          request,
        );
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

  const behind: NetworkServiceElement = {
    name: "strict-ipam-behind-server",
    request(ctx, request, next) {
      const given = ctx.get(brought);
      const { ipContext } = request.connection.context;
      if (given === undefined || ipContext === undefined) return next.request(ctx, request);
      const { excludedPrefixes, kept, countOfOne: expected } = given;
      ipContext.excludedPrefixes = excludedPrefixes;
      // as many as a connection gets and nothing added: all of them were taken up
      const isTakenUp =
        kept.size === expected && addressesOf(request.connection).every((text) => kept.has(text));
      if (kept.size > 0 && !isTakenUp) owners.orphan(request.connection.id, [...kept]);
      return next.request(ctx, request);
    },
  };
  return chain("strict-ipam-server", before, ipam(prefixes), behind);
}
