// SPDX-License-Identifier: Apache-2.0
import type { ConnectionPolicies } from "../authorization.js";

/** Settings of the kernel forwarder (upstream names: cmd-forwarder-vpp). */
export interface ForwarderConfig extends ConnectionPolicies {
  /** `NSM_NAME`, else `forwarder-<NODE_NAME>`, else `forwarder`. */
  readonly name: string;
  /** `NSM_LABELS`. */
  readonly labels: Readonly<Record<string, string>>;
  /** `NSM_NSNAME`: network service the forwarder registers under. */
  readonly networkServiceName: string;
  /** `NSM_CONNECT_TO`: the node's manager. */
  readonly connectTo: URL;
  /** `NSM_LISTEN_ON`. */
  readonly listenOn: URL;
  /** `NSM_DIAL_TIMEOUT`. */
  readonly dialTimeoutMs: number;
  /** `NSM_TUNNEL_IP`; undefined = first global unicast address of the default route's link. */
  readonly tunnelIp: string | undefined;
  /** `NSM_VXLAN_PORT`; 0 = 4789. */
  readonly vxlanPort: number;
  /** `NSM_MECHANISM_PRIORITY`. */
  readonly mechanismPriority: readonly string[];
  /** `NSM_REGISTRY_CLIENT_POLICIES`: masks of the policies that answers of the registry must pass. */
  readonly registryClientPolicies: readonly string[];
  /** `NSM_CLEANUP_ON_EXIT`: whether the links of connections are removed at the end. */
  readonly cleanupOnExit: boolean;
  /**
   * `NSM_PURGE_AFTER`, else `NSM_MAX_TOKEN_LIFETIME`: how long links of an earlier process wait for their connections.
   * Default ten minutes.
   */
  readonly purgeAfterMs?: number;
  /** `NSM_IP_OVER_VXLAN`: offer VXLAN for payload IP too. */
  readonly ipOverVxlan: boolean;
}
