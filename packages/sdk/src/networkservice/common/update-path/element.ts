// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { DEFAULT_MAX_PATH_SEGMENTS, restorePath, updatePath } from "./update.js";

/** Options of both update-path elements. */
export interface UpdatePathOptions {
  /** Longer paths are refused, and none is made longer than this many segments. Default 64. */
  readonly maxPathSegments?: number;
}

function updatePathElement(
  elementName: string,
  name: string,
  { maxPathSegments = DEFAULT_MAX_PATH_SEGMENTS }: UpdatePathOptions,
): NetworkServiceElement {
  return {
    name: elementName,
    async request(ctx, request, next) {
      const updated = updatePath(request.connection, name, maxPathSegments);
      const connection = await next.request(ctx, request);
      restorePath(connection, updated);
      return connection;
    },
    async close(ctx, connection, next) {
      updatePath(connection, name, maxPathSegments);
      await next.close(ctx, connection);
    },
  };
}

/**
 * Steps the path onto the segment of this application, which also is the connection id for everything behind,
 * and steps back on the way out. First element of every server. State: none. Upstream: `updatepath.NewServer`.
 * Deviations: see {@link updatePath}; paths have a bounded length.
 * @param name name of this application, equal in its server and client chains
 * @throws INVALID_ARGUMENT PATH_INDEX, PATH_CONNECTION_ID, PATH_TOO_LONG
 */
export function updatePathServer(name: string, options: UpdatePathOptions = {}): NetworkServiceElement {
  return updatePathElement("update-path-server", name, options);
}

/** The same as first element of a client; behind the server of the same name it changes nothing. See {@link updatePathServer}. */
export function updatePathClient(name: string, options: UpdatePathOptions = {}): NetworkServiceElement {
  return updatePathElement("update-path-client", name, options);
}
