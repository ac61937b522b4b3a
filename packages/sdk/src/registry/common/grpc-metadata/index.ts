// SPDX-License-Identifier: Apache-2.0
/** Carries the registry path in gRPC headers. Upstream: `pkg/registry/common/grpcmetadata`. */
export { grpcMetadataClient } from "./client.js";
export {
  clonePath,
  type HeaderExchange,
  headerExchange,
  type RegistryPath,
  type RegistryPathSegment,
  registryPath,
} from "./context.js";
export { grpcMetadataServer } from "./server.js";
