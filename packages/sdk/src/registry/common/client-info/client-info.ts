// SPDX-License-Identifier: Apache-2.0
import { type Labels, type NetworkServiceEndpoint, WellKnownLabel, withDefaultLabels } from "@nsm/api";
import type { RegistryElement } from "@nsm/core";

/** Where this process runs; empty or absent means unknown. Upstream's `NODE_NAME`, `POD_NAME`, `CLUSTER_NAME`. */
export interface ClientInfo {
  readonly nodeName?: string | undefined;
  readonly podName?: string | undefined;
  readonly clusterName?: string | undefined;
}

/** Both forms of client-info; see `clientInfoClient`. */
export function clientInfoElement(
  name: "client-info-server" | "client-info-client",
  info: ClientInfo,
): RegistryElement<NetworkServiceEndpoint> {
  const defaults: Labels = Object.fromEntries(
    [
      [WellKnownLabel.NODE_NAME, info.nodeName],
      [WellKnownLabel.POD_NAME, info.podName],
      [WellKnownLabel.CLUSTER_NAME, info.clusterName],
    ].filter(([, value]) => value !== undefined && value !== ""),
  );
  return {
    name,
    register(ctx, item, next) {
      for (const entry of Object.values(item.networkServiceLabels)) {
        entry.labels = withDefaultLabels(entry.labels, defaults);
      }
      return next.register(ctx, item);
    },
  };
}
