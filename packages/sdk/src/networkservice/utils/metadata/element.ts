// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { type MetadataBag, metadataBag } from "./context.js";

function metadataElement(name: string): NetworkServiceElement {
  const bags = new Map<string, MetadataBag>();
  return {
    name,
    async request(ctx, request, next) {
      if (ctx.get(metadataBag) !== undefined) return next.request(ctx, request);
      const { id } = request.connection;
      const known = bags.get(id);
      const bag: MetadataBag = known ?? new Map();
      bags.set(id, bag);
      try {
        return await next.request(ctx.with(metadataBag, bag), request);
      } catch (error) {
        if (known === undefined && bags.get(id) === bag) bags.delete(id);
        throw error;
      }
    },
    async close(ctx, connection, next) {
      if (ctx.get(metadataBag) !== undefined) return next.close(ctx, connection);
      const bag: MetadataBag = bags.get(connection.id) ?? new Map();
      bags.delete(connection.id);
      await next.close(ctx.with(metadataBag, bag), connection);
    },
    statistics: () => ({ connections: bags.size }),
  };
}

/**
 * Gives every later element a bag of values that lives as long as the connection. Place after `update-path` and
 * `begin`, before everything that keeps state per connection. State: one bag per connection id; a failed first
 * Request leaves none, Close takes it out of the store and still hands it (or a fresh empty one) on.
 * A chain inside a chain shares the outer one's bag. Upstream: `utils/metadata`.
 */
export function metadataServer(): NetworkServiceElement {
  return metadataElement("metadata-server");
}

/** The same for a client chain; inside a server it uses the server's bag. See {@link metadataServer}. */
export function metadataClient(): NetworkServiceElement {
  return metadataElement("metadata-client");
}
