// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceEndpoint } from "@nsm/api";
import type { RegistryElement } from "@nsm/core";
import { type ClientInfo, clientInfoElement } from "./client-info.js";

/**
 * Adds `nodeName`, `podName` and `clusterName` to each existing entry of an endpoint's labels; present labels
 * win, an endpoint without entries gets none. Upstream: `clientinfo`, which reads the environment itself.
 */
export function clientInfoClient(info: ClientInfo): RegistryElement<NetworkServiceEndpoint> {
  return clientInfoElement("client-info-client", info);
}
