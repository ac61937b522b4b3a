// SPDX-License-Identifier: Apache-2.0
/**
 * Chains of Network Service Mesh in both halves. Elements are imported by their folder, for example
 * `@nsm/sdk/networkservice/common/begin`.
 *
 * @packageDocumentation
 */
export { type ClientOptions, client } from "./chains/client/index.js";
export {
  type CombinedEndpoint,
  combine,
  type Endpoint,
  type EndpointOptions,
  endpoint,
} from "./chains/endpoint/index.js";
export {
  type NsmgrNetworkServiceOptions,
  type NsmgrRegistry,
  type NsmgrRegistryOptions,
  nsmgrNetworkService,
  nsmgrRegistry,
} from "./chains/nsmgr/index.js";
export { type Registries, type RegistryServerOptions, registryServer } from "./chains/registry/index.js";
export { type RegistryClientOptions, registryClient } from "./chains/registry-client/index.js";
