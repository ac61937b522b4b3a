// SPDX-License-Identifier: Apache-2.0
/** Values per registered name. Upstream: `pkg/registry/utils/metadata`. */
export { metadataClient } from "./client.js";
export { RegistryMetadata, registryMetadata } from "./context.js";
export { metadataServer } from "./server.js";
