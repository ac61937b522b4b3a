// SPDX-License-Identifier: Apache-2.0
import { MetadataKey } from "@nsm/api";
import { type Context, incomingCall, type RegistryElement, type RegistryItem } from "@nsm/core";
import { registryPath } from "./context.js";
import { formatPath, parsePath } from "./path-json.js";

/**
 * Takes the path of a Register or Unregister from the header `path` of the call and, when the call succeeded,
 * sends it back as it is then. Without a header, and with one that is not JSON, it logs and does nothing (peers
 * older than the path). First element of every registry. State: none. Upstream: `grpcmetadata` (server). Deviation:
 * JSON that is no path is refused (upstream goes on without a path, or crashes on null as a segment).
 * @throws INVALID_ARGUMENT REGISTRY_PATH
 */
export function grpcMetadataServer<T extends RegistryItem>(): RegistryElement<T> {
  const withPath = async <R>(ctx: Context, call: (ctx: Context) => Promise<R>): Promise<R> => {
    const incoming = ctx.get(incomingCall);
    const path = parsePath(incoming?.headers.get(MetadataKey.PATH) ?? "");
    if (incoming === undefined || path === undefined) {
      ctx.log.debug({ peer: incoming?.peerAddress }, "registry call carries no readable path");
      return await call(ctx);
    }
    const result = await call(ctx.with(registryPath, path));
    incoming.responseHeaders.set(MetadataKey.PATH, formatPath(path));
    return result;
  };
  return {
    name: "grpc-metadata-server",
    register: (ctx, item, next) => withPath(ctx, (inner) => next.register(inner, item)),
    unregister: (ctx, item, next) => withPath(ctx, (inner) => next.unregister(inner, item)),
  };
}
