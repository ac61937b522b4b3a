// SPDX-License-Identifier: Apache-2.0
/**
 * Repair of broken connections. Upstream: `sdk/pkg/networkservice/common/heal`.
 *
 * @packageDocumentation
 */
export { type HealOptions, healClient } from "./client.js";
