// SPDX-License-Identifier: Apache-2.0

import type { DNSConfig } from "@nsm/api";
import type { ConnectionPolicies } from "../authorization.js";

/** Settings of the endpoint (upstream: cmd-nse-icmp-responder). */
export interface NseConfig extends ConnectionPolicies {
  /** `NSM_NAME`: endpoint name and path segment. */
  readonly name: string;
  /** `NSM_CONNECT_TO`: the node's manager. */
  readonly connectTo: URL;
  /** Own socket; upstream makes `listen.on` in a fresh directory below `TMPDIR`. */
  readonly listenOn: URL;
  /** `NSM_SERVICE_NAMES`. */
  readonly serviceNames: readonly string[];
  /** `NSM_PAYLOAD` of the network services registered. */
  readonly payload: string;
  /** `NSM_LABELS`, the same for every service. */
  readonly labels: Readonly<Record<string, string>>;
  /** `NSM_CIDR_PREFIX`: groups of CIDRs; each group gives one address pair per connection. */
  readonly cidrGroups: readonly (readonly string[])[];
  /** `NSM_IPAM_POLICY`: `polite` keeps addresses that a client brings from outside the pools, `strict` drops them. */
  readonly ipamPolicy: "polite" | "strict";
  /** `NSM_DNS_CONFIGS`: name servers and search domains for clients. */
  readonly dnsConfigs: readonly DNSConfig[];
  /** `NSM_PBR_CONFIG_PATH`: YAML file with routing policies for clients. */
  readonly policyRoutesPath: string;
  /** `NSM_REGISTRY_CLIENT_POLICIES`: masks of the policies that answers of the registry must pass. */
  readonly registryClientPolicies: readonly string[];
  /** `NSM_IDLE_TIMEOUT`; 0 = never. */
  readonly idleTimeoutMs: number;
  /** `NSM_REGISTER_SERVICE`. */
  readonly registerService: boolean;
  /** `NSM_UNREGISTER_ITSELF`. */
  readonly unregisterItself: boolean;
}
