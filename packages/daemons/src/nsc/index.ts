// SPDX-License-Identifier: Apache-2.0
/** The client. Upstream: cmd-nsc. */
export type { NscConfig } from "./config.js";
export { nsc } from "./nsc.js";
