// SPDX-License-Identifier: Apache-2.0
/** The client. Upstream: cmd-nsc. */
export { kernelLiveness } from "@nsm/dataplane";
export { parseAwarenessGroups } from "@nsm/sdk/networkservice/common/excluded-prefixes";
export { nscChain } from "./chain.js";
export type { NscConfig } from "./config.js";
export { nsc } from "./nsc.js";
