// SPDX-License-Identifier: Apache-2.0
/**
 * Finding endpoints. Upstream: `sdk/pkg/networkservice/common/discover`.
 *
 * @packageDocumentation
 */
export { type Candidates, candidates } from "./context.js";
export { discoverServer } from "./server.js";
