// SPDX-License-Identifier: Apache-2.0
/** The endpoint. Upstream: cmd-nse-icmp-responder. */
export { kernelAddressesInUse } from "@nsm/dataplane";
export { parseCidrGroups } from "@nsm/ipam";
export { type NseChainOptions, nseChain } from "./chain.js";
export type { NseConfig } from "./config.js";
export { parseDnsConfigs } from "./dns-configs.js";
export { nse } from "./nse.js";
export { type PolicyRoutes, parsePolicyRoutes } from "./policy-routes.js";
