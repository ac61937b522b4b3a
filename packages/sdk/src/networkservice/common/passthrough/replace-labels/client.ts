// SPDX-License-Identifier: Apache-2.0
import type { Labels } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";

/**
 * Shows the next hop these labels instead of the caller's, who gets its own back. Place in the client of an endpoint
 * that passes on, before whatever calls the next hop. State: none. Upstream: `replacelabels.NewClient`.
 */
export function replaceLabelsClient(labels: Labels): NetworkServiceElement {
  return {
    name: "replace-labels-client",
    async request(ctx, request, next) {
      const own = request.connection.labels;
      request.connection.labels = { ...labels };
      const connection = await next.request(ctx, request);
      connection.labels = { ...own };
      return connection;
    },
    close(ctx, connection, next) {
      connection.labels = { ...labels };
      return next.close(ctx, connection);
    },
  };
}
