// SPDX-License-Identifier: Apache-2.0
/** Chains of a domain's registry over any store. Upstream: `pkg/registry/chains/memory`. */
export type { Registries, RegistryServerOptions } from "./options.js";
export { registryServer } from "./server.js";
