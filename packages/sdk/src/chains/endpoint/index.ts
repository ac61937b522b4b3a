// SPDX-License-Identifier: Apache-2.0
/**
 * The endpoint chain. Upstream: `sdk/pkg/networkservice/chains/endpoint`.
 *
 * @packageDocumentation
 */
export { type CombinedEndpoint, combine } from "./combine.js";
export { type Endpoint, type EndpointOptions, endpoint } from "./endpoint.js";
