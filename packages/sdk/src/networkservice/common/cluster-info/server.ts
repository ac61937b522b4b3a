// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement, WatchedFile } from "@nsm/core";
import type { StringMap } from "../../../utils/string-map/index.js";

/**
 * Overwrites the cluster's labels in a connection. Place in an nsmgr-proxy, before what calls the next hop. State: none.
 * Upstream: `clusterinfo.NewServer`, which reads the file for every Request.
 * @param labels content of `/etc/clusterinfo/config.yaml`, keys as they are, for example `CLUSTER_NAME: cluster1`;
 * absent = no labels
 */
export function clusterInfoServer(labels: WatchedFile<StringMap>): NetworkServiceElement {
  return {
    name: "cluster-info-server",
    request(ctx, request, next) {
      const { connection } = request;
      connection.labels = { ...connection.labels, ...Object.fromEntries(labels.current() ?? []) };
      return next.request(ctx, request);
    },
  };
}
