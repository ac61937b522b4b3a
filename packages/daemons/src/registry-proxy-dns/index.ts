// SPDX-License-Identifier: Apache-2.0
/** The way to registries of other domains. Upstream: cmd-registry-proxy-dns. */
export type { RegistryProxyDnsConfig } from "./config.js";
export { registryProxyDns } from "./registry-proxy-dns.js";
