// SPDX-License-Identifier: Apache-2.0
/** The endpoint. Upstream: cmd-nse-icmp-responder. */
export { parseCidrGroups } from "@nsm/ipam";
export type { NseConfig } from "./config.js";
export { nse } from "./nse.js";
