// SPDX-License-Identifier: Apache-2.0
/**
 * Which registry entries answer a query, which endpoints suit a client, and the Go templates inside selectors.
 * Upstream: `pkg/tools/matchutils`.
 *
 * @packageDocumentation
 */
export { matchEndpoint } from "./endpoint.js";
export { isSubset } from "./labels.js";
export { matchNetworkServiceEndpoints, matchNetworkServices } from "./query.js";
export { renderTemplate, type TemplateValue } from "./template.js";
