// SPDX-License-Identifier: Apache-2.0
import type { RegistryPolicies } from "../authorization.js";

/** Settings of registry-proxy-dns (upstream: cmd-registry-proxy-dns). */
export interface RegistryProxyDnsConfig extends RegistryPolicies {
  /** `NSM_LISTEN_ON`. */
  readonly listenOn: readonly URL[];
}
