// SPDX-License-Identifier: Apache-2.0
/**
 * The manager of a node. Upstream: `sdk/pkg/networkservice/chains/nsmgr`.
 *
 * @packageDocumentation
 */
export { type NsmgrNetworkServiceOptions, nsmgrNetworkService } from "./network-service.js";
export { type NsmgrRegistry, type NsmgrRegistryOptions, nsmgrRegistry } from "./registry.js";
