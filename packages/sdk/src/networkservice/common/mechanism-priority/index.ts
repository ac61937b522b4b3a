// SPDX-License-Identifier: Apache-2.0
/**
 * Order of mechanism preferences. Upstream: `sdk/pkg/networkservice/common/mechanismpriority`.
 *
 * @packageDocumentation
 */
export { mechanismPriorityClient } from "./client.js";
