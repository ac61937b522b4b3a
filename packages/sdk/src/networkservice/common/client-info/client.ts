// SPDX-License-Identifier: Apache-2.0
import { WellKnownLabel, withDefaultLabels } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";

/** Where this application runs; undefined parts are not known. */
export interface ClientInfo {
  readonly nodeName?: string | undefined;
  readonly podName?: string | undefined;
  readonly clusterName?: string | undefined;
}

/**
 * Adds the labels `nodeName`, `podName` and `clusterName` to requests that do not have them. Place anywhere before
 * what chooses by labels; managers run it in their server. State: none. Upstream: `clientinfo.NewClient`, which
 * reads the environment variables itself; here the caller does.
 */
export function clientInfoClient(info: ClientInfo): NetworkServiceElement {
  const labels: { [key: string]: string } = {};
  if (info.nodeName !== undefined) labels[WellKnownLabel.NODE_NAME] = info.nodeName;
  if (info.podName !== undefined) labels[WellKnownLabel.POD_NAME] = info.podName;
  if (info.clusterName !== undefined) labels[WellKnownLabel.CLUSTER_NAME] = info.clusterName;
  return {
    name: "client-info-client",
    request(ctx, request, next) {
      request.connection.labels = withDefaultLabels(request.connection.labels, labels);
      return next.request(ctx, request);
    },
  };
}
