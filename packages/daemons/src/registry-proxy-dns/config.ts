// SPDX-License-Identifier: Apache-2.0

/** Settings of registry-proxy-dns (upstream: cmd-registry-proxy-dns). */
export interface RegistryProxyDnsConfig {
  /** `NSM_LISTEN_ON`. */
  readonly listenOn: readonly URL[];
}
