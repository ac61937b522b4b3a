// SPDX-License-Identifier: Apache-2.0
import {
  type Channel,
  Code,
  type Context,
  type OutgoingCall,
  outgoingCall,
  type RegistryElement,
  type RegistryItem,
  type RegistryKind,
  type RegistryNext,
  StatusError,
} from "@nsm/core";
import { answeringServer } from "../authorize/context.js";
import { headerExchange } from "../grpc-metadata/context.js";

/**
 * The end of a client chain: makes the call over the channel that `dial` put in the context, with the headers of
 * `grpcMetadata`. A watch ends without error when the peer is lost or refuses; a Find without watch fails then, where
 * upstream's looks like one without hits. Upstream: `connect` (client).
 * @throws UNAVAILABLE NO_CONNECTION when nothing was dialled, which means that no URL is configured
 */
export function connectClient<T extends RegistryItem>(kind: RegistryKind<T>): RegistryElement<T> {
  const withHeaders = async <R>(ctx: Context, call: (peer: RegistryNext<T>) => Promise<R>): Promise<R> => {
    const outgoing = callOf(ctx, kind);
    const exchange = ctx.get(headerExchange);
    for (const [key, value] of exchange?.request ?? []) outgoing.headers.set(key, value);
    const result = await call(registryOf(outgoing.channel, kind));
    if (exchange !== undefined) exchange.response = outgoing.responseHeaders;
    const answering = ctx.get(answeringServer);
    if (answering !== undefined) answering.peer = outgoing.peer;
    return result;
  };
  return {
    name: "connect-client",
    register: (ctx, item) => withHeaders(ctx, (peer) => peer.register(ctx, item)),
    async *find(ctx, query) {
      const peer = registryOf(callOf(ctx, kind).channel, kind);
      if (!query.watch) return yield* peer.find(ctx, query);
      try {
        yield* peer.find(ctx, query);
      } catch (error) {
        if (!ctx.signal.aborted) ctx.log.debug({ err: error }, `watch of ${kind.text}s ended`);
      }
    },
    unregister: (ctx, item) => withHeaders(ctx, (peer) => peer.unregister(ctx, item)),
  };
}

function callOf<T extends RegistryItem>(ctx: Context, kind: RegistryKind<T>): OutgoingCall {
  const outgoing = ctx.get(outgoingCall);
  if (outgoing !== undefined) return outgoing;
  throw new StatusError(
    Code.UNAVAILABLE,
    `no grpc.ClientConnInterface provided: no registry URL is configured for this ${kind.text}`,
    { reason: "NO_CONNECTION" },
  );
}

/** The peer's registry of a kind. */
function registryOf<T extends RegistryItem>(channel: Channel, kind: RegistryKind<T>): RegistryNext<T> {
  const registry = kind.type === "NetworkService" ? channel.networkServices : channel.endpoints;
  // the kind's type tells which registry, the compiler cannot see that T follows
  return registry as unknown as RegistryNext<T>;
}
