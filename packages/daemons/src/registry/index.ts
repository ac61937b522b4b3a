// SPDX-License-Identifier: Apache-2.0
/** The registry of a domain. Upstream: cmd-registry-memory. */
export type { RegistryConfig } from "./config.js";
export { registry } from "./registry.js";
