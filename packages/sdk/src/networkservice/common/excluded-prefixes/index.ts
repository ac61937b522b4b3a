// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses that endpoints must not give. Upstream: `sdk/pkg/networkservice/common/excludedprefixes`.
 *
 * @packageDocumentation
 */
export { excludedPrefixesClient } from "./client.js";
export { parseAwarenessGroups } from "./parse-groups.js";
export { excludedPrefixesServer } from "./server.js";
