// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { deleteMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";

const goesOn = metadataKey<true>("client", "trim-path.goes-on");

/**
 * Cuts the returned path behind the own segment, unless the client of this application (with `trimPathClient`)
 * took the request further: segments of hops that are not part of the connection any more disappear. Place after
 * `metadata`. State: none beside the metadata. Upstream: `trimpath.NewServer`.
 */
export function trimPathServer(): NetworkServiceElement {
  return {
    name: "trim-path-server",
    async request(ctx, request, next) {
      deleteMetadata(ctx, goesOn);
      const connection = await next.request(ctx, request);
      if (deleteMetadata(ctx, goesOn) === undefined) {
        connection.path.pathSegments.length = Math.min(
          connection.path.index + 1,
          connection.path.pathSegments.length,
        );
      }
      return connection;
    },
  };
}

/** Tells the server of this application that the path goes on. Place before `connect-client`. Upstream: `trimpath.NewClient`. */
export function trimPathClient(): NetworkServiceElement {
  return {
    name: "trim-path-client",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      storeMetadata(ctx, goesOn, true);
      return connection;
    },
  };
}
