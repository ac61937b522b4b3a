// SPDX-License-Identifier: Apache-2.0
/** The manager of a node. Upstream: cmd-nsmgr. */
export type { NsmgrConfig } from "./config.js";
export { nsmgr } from "./nsmgr.js";
