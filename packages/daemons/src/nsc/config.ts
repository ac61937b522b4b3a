// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceUrl } from "@nsm/api";

/** Settings of the client (upstream: cmd-nsc). */
export interface NscConfig {
  /** `NSM_NAME`: first path segment; connection ids are `<name>-<index>`. */
  readonly name: string;
  /** `NSM_CONNECT_TO`: the node's manager. */
  readonly connectTo: URL;
  /** `NSM_DIAL_TIMEOUT`. */
  readonly dialTimeoutMs: number;
  /** `NSM_REQUEST_TIMEOUT`: each Request attempt and each Close. */
  readonly requestTimeoutMs: number;
  /** `NSM_LABELS`: labels of every connection; labels of the URL win. */
  readonly labels: Readonly<Record<string, string>>;
  /** `NSM_NETWORK_SERVICES`, parsed. */
  readonly networkServices: readonly NetworkServiceUrl[];
  /** `NSM_AWARENESS_GROUPS`, parsed: services of one group may share addresses. */
  readonly awarenessGroups: readonly (readonly NetworkServiceUrl[])[];
  /** `NSM_LIVENESS_CHECK_ENABLED`: whether data paths are checked. */
  readonly livenessEnabled: boolean;
  /** `NSM_LIVENESS_CHECK_INTERVAL`: pause between two checks. */
  readonly livenessIntervalMs: number;
  /** `NSM_LIVENESS_CHECK_TIMEOUT`: time of one check. */
  readonly livenessTimeoutMs: number;
}
