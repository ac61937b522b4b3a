// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceEndpoint } from "@nsm/api";
import type { RegistryElement, WatchedFile } from "@nsm/core";
import type { StringMap } from "../../../utils/string-map/index.js";

/**
 * Overwrites the cluster's labels in each existing entry of an endpoint's labels. State: none. Upstream:
 * `clusterinfo`, which reads the file for every Register.
 * @param labels content of `/etc/clusterinfo/config.yaml`, for example `clusterName: cluster1`; absent = no labels
 */
export function clusterInfoServer(labels: WatchedFile<StringMap>): RegistryElement<NetworkServiceEndpoint> {
  return {
    name: "cluster-info-server",
    register(ctx, item, next) {
      const own = Object.fromEntries(labels.current() ?? []);
      for (const entry of Object.values(item.networkServiceLabels)) {
        entry.labels = { ...entry.labels, ...own };
      }
      return next.register(ctx, item);
    },
  };
}
