// SPDX-License-Identifier: Apache-2.0
/**
 * Routes by policy. Upstream: `sdk/pkg/networkservice/common/policyroute`.
 *
 * @packageDocumentation
 */
export { policyRouteServer } from "./server.js";
