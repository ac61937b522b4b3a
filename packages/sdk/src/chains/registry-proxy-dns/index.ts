// SPDX-License-Identifier: Apache-2.0
/** The way to registries of other domains. Upstream: `pkg/registry/chains/proxydns`. */
export { type RegistryProxyDnsOptions, registryProxyDns } from "./server.js";
