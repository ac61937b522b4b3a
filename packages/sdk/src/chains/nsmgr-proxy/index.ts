// SPDX-License-Identifier: Apache-2.0
/** The border of a domain. Upstream: `sdk/pkg/networkservice/chains/nsmgrproxy`. */
export { type NsmgrProxyNetworkServiceOptions, nsmgrProxyNetworkService } from "./network-service.js";
export { type NsmgrProxyRegistryOptions, nsmgrProxyRegistry } from "./registry.js";
