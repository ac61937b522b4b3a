// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../../utils/metadata/index.js";

/**
 * Asks the next hop for the endpoint that it chose before, at first for any, instead of the own name that the
 * caller's request carries; the caller gets that name back. Place after `metadata` in the client of an endpoint that
 * passes on. State: the next endpoint's name, in the metadata. Upstream: `replacensename.NewClient`.
 */
export function replaceNseNameClient(): NetworkServiceElement {
  const nextName = metadataKey<string>("client", "replace-nse-name.next");
  return {
    name: "replace-nse-name-client",
    async request(ctx, request, next) {
      const own = request.connection.networkServiceEndpointName;
      request.connection.networkServiceEndpointName = loadMetadata(ctx, nextName) ?? "";
      const connection = await next.request(ctx, request);
      storeMetadata(ctx, nextName, connection.networkServiceEndpointName);
      connection.networkServiceEndpointName = own;
      return connection;
    },
    close(ctx, connection, next) {
      connection.networkServiceEndpointName = deleteMetadata(ctx, nextName) ?? "";
      return next.close(ctx, connection);
    },
  };
}
