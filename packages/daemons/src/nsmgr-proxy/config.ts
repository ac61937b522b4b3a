// SPDX-License-Identifier: Apache-2.0
import type { ConnectionPolicies, RegistryPolicies } from "../authorization.js";

/** Settings of nsmgr-proxy (upstream: cmd-nsmgr-proxy). */
export interface NsmgrProxyConfig extends RegistryPolicies, ConnectionPolicies {
  /** `NSM_NAME`: path segment name. */
  readonly name: string;
  /** `NSM_LISTEN_ON`. */
  readonly listenOn: readonly URL[];
  /** `NSM_MAP_IP_FILE_PATH`: YAML map of IP addresses inside the cluster to those outside. */
  readonly mapIpFilePath: string;
  /** YAML map of labels of the cluster; upstream's is `/etc/clusterinfo/config.yaml`. */
  readonly clusterInfoFilePath: string;
  /** `NSM_REGISTRY_URL`: the domain's own registry. */
  readonly registryUrl: URL | undefined;
  /** `NSM_REGISTRY_PROXY_URL`: the registry that knows other domains. */
  readonly registryProxyUrl: URL | undefined;
  /** URL that others reach this proxy at (upstream's public URL rule). */
  readonly publicUrl: URL;
}
