// SPDX-License-Identifier: Apache-2.0
/** Client chain of both registries. Upstream: `pkg/registry/chains/client`. */
export { type RegistryClientOptions, registryClient } from "./client.js";
