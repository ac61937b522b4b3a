// SPDX-License-Identifier: Apache-2.0
import { IPContext, type NetworkServiceUrl } from "@nsm/api";
import {
  type CancellableContext,
  Code,
  type Connection,
  type NetworkServiceElement,
  type NetworkServiceNext,
  postpone,
  StatusError,
  statusOf,
} from "@nsm/core";
import { awarenessGroupOf } from "./awareness.js";
import { addressesOf, conflictOf } from "./brought.js";

/** What one connection brings. */
interface Brought {
  /** Index of its awareness group, fixed by its first Request. */
  readonly group: number | undefined;
  /** CIDRs that connections outside the group must not get. */
  prefixes: readonly string[];
}

async function closeConflicting(
  { ctx, cancel }: CancellableContext,
  connection: Connection,
  ip: string,
  next: NetworkServiceNext,
): Promise<never> {
  const text = `IP ${ip} is excluded, but it was found in response IPs`;
  let message = text;
  let cause: unknown;
  try {
    await next.close(ctx, connection);
  } catch (error) {
    message = `${text}: connection closed with error: ${statusOf(error).message}`;
    cause = error;
  } finally {
    cancel();
  }
  throw new StatusError(Code.FAILED_PRECONDITION, message, { reason: "EXCLUDED_IP", cause });
}

/**
 * Keeps the addresses of one client's connections apart: asks that none gets an address which another one has, or
 * which the answers to others exclude, and refuses an answer that has one nevertheless (the connection is closed).
 * Connections of one awareness group may share addresses. The caller sees its own excluded prefixes and those of the
 * answer, not what was added here.
 * Place in a client, last before the connection leaves it. State: per connection id the group and the prefixes, until
 * Close or a failed first Request. Upstream: `excludedprefixes.NewClient`. Deviations: a connection belongs to a group
 * from its first Request to its Close by service, mechanism, and the interface and labels that the group names
 * (upstream compares the whole URL on every call, so that added labels and generated names break the match); each
 * connection takes back only what it brought itself; addresses with a network's prefix length count as the single
 * address.
 * @param groups awareness groups, `NSM_AWARENESS_GROUPS`. Default: none
 * @throws FAILED_PRECONDITION EXCLUDED_IP `IP … is excluded, but it was found in response IPs`
 */
export function excludedPrefixesClient(
  groups: readonly (readonly NetworkServiceUrl[])[] = [],
): NetworkServiceElement {
  const connections = new Map<string, Brought>();

  const broughtByOthers = (id: string, group: number | undefined): string[] =>
    [...connections].flatMap(([otherId, other]) => {
      const shared = group !== undefined && other.group === group;
      return otherId === id || shared ? [] : other.prefixes;
    });

  return {
    name: "excluded-prefixes-client",
    async request(ctx, request, next) {
      const { id, context } = request.connection;
      context.ipContext ??= IPContext.create();
      const known = connections.get(id);
      const group = known === undefined ? awarenessGroupOf(groups, request) : known.group;
      const own = [...context.ipContext.excludedPrefixes];
      const held = new Set([...context.ipContext.srcIpAddrs, ...context.ipContext.dstIpAddrs]);
      const cleanUp = postpone(ctx);
      const others = broughtByOthers(id, group);
      const sent = others.length === 0 ? own : [...new Set([...own, ...others])].filter((p) => !held.has(p));
      const added = new Set(sent.filter((prefix) => !own.includes(prefix)));
      context.ipContext.excludedPrefixes = [...sent];
      let connection: Connection;
      try {
        connection = await next.request(ctx, request);
      } catch (error) {
        if (request.connection.context.ipContext) request.connection.context.ipContext.excludedPrefixes = own;
        throw error;
      }
      connection.context.ipContext ??= IPContext.create();
      const { ipContext } = connection.context;
      // others may have got the same address while this call was on its way
      const conflict = conflictOf(ipContext, [...added, ...broughtByOthers(id, group)]);
      if (conflict !== undefined) {
        connections.delete(id);
        await closeConflicting(cleanUp(), connection, conflict, next);
      }
      const answered = ipContext.excludedPrefixes.filter((prefix) => !added.has(prefix));
      ipContext.excludedPrefixes = [...new Set([...own, ...answered])];
      const prefixes = [...addressesOf(ipContext), ...(group === undefined ? answered : [])];
      connections.set(id, { group, prefixes });
      return connection;
    },
    async close(ctx, connection, next) {
      try {
        await next.close(ctx, connection);
      } finally {
        connections.delete(connection.id);
      }
    },
    statistics: () => ({ connections: connections.size }),
  };
}
