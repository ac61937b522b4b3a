// SPDX-License-Identifier: Apache-2.0
import { IPContext } from "@nsm/api";
import {
  type Connection,
  type Context,
  chain,
  contextKey,
  type NetworkServiceElement,
  untilDone,
  withTimeout,
} from "@nsm/core";
import { DualStackPool, hostCidr } from "@nsm/ipam";
import { loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { addressOf } from "../strict/owners.js";
import { AddressesInUse, type ReadAddresses } from "./addresses-in-use.js";

/** What {@link returningClientsServer} knows of an earlier process. */
export interface ReturningClientsOptions {
  /** Lifetime of the endpoint. */
  readonly ctx: Context;
  /** CIDRs of the pools. */
  readonly prefixes: readonly string[];
  /** Settles when clients of an earlier process have had their time to come back; at once when there was none. */
  readonly returned: Promise<void>;
  /** Addresses that links of the own network namespace have and lead to, bare. Default: nobody can tell. */
  readonly readAddresses?: ReadAddresses | undefined;
  /** Longest wait of a Request, milliseconds. Default 2000. */
  readonly longestWaitMs?: number;
}

const LONGEST_WAIT_MS = 2_000;

/** Excluded prefixes as the request brought them. */
const broughtPrefixes = contextKey<readonly string[]>("returning-clients.brought-prefixes");

/**
 * Lets clients of an earlier process of this endpoint have their addresses again. Until they had their time to return,
 * a new connection that brings no address of the pools waits before `ipam` gives it some; one that brings any does not
 * wait. Addresses that links of the earlier process still have or lead to are given to nobody else, however long their
 * connections take.
 * Place in an endpoint, after `metadata`, around the element that gives addresses. State: which connections were here;
 * the addresses in use. Upstream: none; there a new client may get the address of one that has not returned yet.
 * @param ipam gives addresses, and respects excluded prefixes
 * @throws the end of the caller while it waits
 */
export function returningClientsServer(
  ipam: NetworkServiceElement,
  options: ReturningClientsOptions,
): NetworkServiceElement {
  const { ctx: lifetime, prefixes, returned, readAddresses, longestWaitMs = LONGEST_WAIT_MS } = options;
  const allowed = DualStackPool.of(prefixes);
  const wasHere = metadataKey<true>("server", "returning-clients.was-here");
  const inUse = readAddresses && new AddressesInUse(prefixes, readAddresses);
  void inUse?.unclaimed(lifetime); // what is there at the start was made for an earlier process
  let waiting = 0;

  const ownAddresses = ({ context }: Connection): string[] =>
    [...(context.ipContext?.srcIpAddrs ?? []), ...(context.ipContext?.dstIpAddrs ?? [])]
      .flatMap((text) => addressOf(text) ?? [])
      .filter((ip) => allowed.contains(ip));

  const wait = async (ctx: Context): Promise<void> => {
    const bounded = withTimeout(ctx, longestWaitMs);
    waiting += 1;
    try {
      await untilDone(bounded.ctx, returned);
    } catch {
      ctx.signal.throwIfAborted();
    } finally {
      waiting -= 1;
      bounded.cancel();
    }
  };

  const before: NetworkServiceElement = {
    name: "returning-clients-before-server",
    async request(ctx, request, next) {
      if (loadMetadata(ctx, wasHere)) return await next.request(ctx, request);
      const brought = ownAddresses(request.connection);
      if (brought.length === 0) await wait(ctx);
      const others = (await inUse?.unclaimed(ctx))?.filter((ip) => !brought.includes(ip)) ?? [];
      const { context } = request.connection;
      context.ipContext ??= IPContext.create();
      const { excludedPrefixes } = context.ipContext;
      context.ipContext.excludedPrefixes = [...excludedPrefixes, ...others.map(hostCidr)];
      const connection = await next.request(ctx.with(broughtPrefixes, excludedPrefixes), request);
      storeMetadata(ctx, wasHere, true);
      inUse?.claimed(ownAddresses(connection));
      return connection;
    },
    statistics: () => ({ waiting }),
  };

  const behind: NetworkServiceElement = {
    name: "returning-clients-behind-server",
    request(ctx, request, next) {
      const excludedPrefixes = ctx.get(broughtPrefixes);
      const { ipContext } = request.connection.context;
      if (excludedPrefixes !== undefined && ipContext !== undefined) {
        ipContext.excludedPrefixes = [...excludedPrefixes];
      }
      return next.request(ctx, request);
    },
  };
  return chain("returning-clients-server", before, ipam, behind);
}
