// SPDX-License-Identifier: Apache-2.0
import type { ConnectionPolicies, RegistryPolicies } from "../authorization.js";

/** Settings of nsmgr (upstream: cmd-nsmgr). */
export interface NsmgrConfig extends RegistryPolicies, ConnectionPolicies {
  /** `NSM_NAME`: path segment name. */
  readonly name: string;
  /** `NSM_LISTEN_ON`. */
  readonly listenOn: readonly URL[];
  /** `NSM_REGISTRY_URL`; undefined (set empty) = own in-memory registry. */
  readonly registryUrl: URL | undefined;
  /** `NSM_DIAL_TIMEOUT`. */
  readonly dialTimeoutMs: number;
  /** `NSM_FORWARDER_NETWORK_SERVICE_NAME`. */
  readonly forwarderServiceName: string;
  /**
   * `NSM_ENDPOINT_SOCKET_DIRECTORIES`: below these, endpoints may name their sockets by path. Default: the directories
   * of the own unix sockets, but for the root.
   */
  readonly socketDirectories?: readonly string[];
  /** URL that other nodes reach this manager at (upstream's public URL rule). */
  readonly publicUrl: URL;
}
