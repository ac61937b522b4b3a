// SPDX-License-Identifier: Apache-2.0
import { MetadataKey } from "@nsm/api";
import type { Context, RegistryElement, RegistryItem } from "@nsm/core";
import { type HeaderExchange, headerExchange, type RegistryPath, registryPath } from "./context.js";
import { formatPath, parsePath } from "./path-json.js";

/**
 * Sends the path of a Register or Unregister (an empty one when there is none) in the header `path` and takes
 * over the path of the answer, in place. An answer without a path leaves it as it is.
 */
export function grpcMetadataClient<T extends RegistryItem>(): RegistryElement<T> {
  const withPath = async <R>(ctx: Context, call: (ctx: Context) => Promise<R>): Promise<R> => {
    const path: RegistryPath = ctx.get(registryPath) ?? { index: 0, pathSegments: [] };
    const exchange: HeaderExchange = {
      request: new Map([[MetadataKey.PATH, formatPath(path)]]),
      response: new Map(),
    };
    const result = await call(ctx.with(headerExchange, exchange));
    const answered = answeredPath(ctx, exchange);
    if (answered !== undefined) Object.assign(path, answered);
    return result;
  };
  return {
    name: "grpc-metadata-client",
    register: (ctx, item, next) => withPath(ctx, (inner) => next.register(inner, item)),
    unregister: (ctx, item, next) => withPath(ctx, (inner) => next.unregister(inner, item)),
  };
}

/** The path of the answer; undefined when it has none that can be read: the call has succeeded all the same. */
function answeredPath(ctx: Context, { response }: HeaderExchange): RegistryPath | undefined {
  try {
    return parsePath(response.get(MetadataKey.PATH) ?? "");
  } catch (error) {
    ctx.log.warn({ err: error }, "registry answered with a path that is none");
    return undefined;
  }
}
