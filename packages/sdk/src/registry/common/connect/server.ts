// SPDX-License-Identifier: Apache-2.0
import {
  type Context,
  postpone,
  type RegistryElement,
  type RegistryItem,
  type RegistryNext,
  startRegistry,
} from "@nsm/core";

/**
 * Hands calls to a client chain, then to next. Register passes the client's answer on and unregisters there when
 * next fails. Find yields the client's hits, then next's. Unregister reaches next whatever the client does.
 * Upstream: `connect` (server), which never reaches next with Unregister.
 */
export function connectServer<T extends RegistryItem>(client: RegistryElement<T>): RegistryElement<T> {
  const peer: RegistryNext<T> = startRegistry(client);
  return {
    name: "connect-server",
    children: [client],
    async register(ctx, item, next) {
      const afterwards = postpone(ctx);
      const registered = await peer.register(ctx, item);
      try {
        return await next.register(ctx, registered);
      } catch (error) {
        const cleaning = afterwards();
        await peer
          .unregister(cleaning.ctx, registered)
          .catch((failure: unknown) => logLeft(ctx, registered, failure));
        cleaning.cancel();
        throw error;
      }
    },
    async *find(ctx, query, next) {
      yield* peer.find(ctx, query);
      if (!ctx.signal.aborted) yield* next.find(ctx, query);
    },
    async unregister(ctx, item, next) {
      try {
        await peer.unregister(ctx, item);
      } finally {
        await next.unregister(ctx, item);
      }
    },
  };
}

function logLeft(ctx: Context, item: RegistryItem, error: unknown): void {
  ctx.log.warn({ err: error, name: item.name }, "registration stays behind after a failed Register");
}
