// SPDX-License-Identifier: Apache-2.0
/** The border of a domain. Upstream: cmd-nsmgr-proxy. */
export type { NsmgrProxyConfig } from "./config.js";
export { nsmgrProxy } from "./nsmgr-proxy.js";
