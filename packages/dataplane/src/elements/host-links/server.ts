// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { deleteMetadata, loadMetadata, storeMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import type { HostLinks } from "../../host-links/index.js";
import { returningSides, sideLink } from "../mechanism-driver/index.js";

/**
 * Claims the links that an earlier process left for the connection at hand, and keeps them from being removed from
 * the moment on in which its Request or Close comes. A failed Request of a connection that returns closes nothing:
 * its data path may be working. What a failed Close leaves is removed later.
 * Place behind `metadata`, before everything that builds links. State: names of links, in `links`. Upstream: none;
 * forwarder-vpp removes a pod's link of the same alias when its connection is requested again.
 */
export function hostLinksServer(links: HostLinks): NetworkServiceElement {
  return {
    name: "host-links-server",
    async request(ctx, request, next) {
      const hold = await links.hold(request.connection);
      storeMetadata(ctx, returningSides, hold.returning);
      try {
        const connection = await next.request(ctx, request);
        hold.keep({
          server: loadMetadata(ctx, sideLink.server)?.port,
          client: loadMetadata(ctx, sideLink.client)?.port,
        });
        return connection;
      } catch (error) {
        hold.failed();
        throw error;
      } finally {
        deleteMetadata(ctx, returningSides);
      }
    },
    async close(ctx, connection, next) {
      const hold = await links.hold(connection);
      let complete = false;
      try {
        await next.close(ctx, connection);
        complete = true;
      } finally {
        hold.closed(complete);
      }
    },
    statistics: () => links.statistics(),
  };
}
