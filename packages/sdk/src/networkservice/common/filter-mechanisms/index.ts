// SPDX-License-Identifier: Apache-2.0
/**
 * Mechanisms that can reach the next hop. Upstream: `sdk/pkg/networkservice/common/filtermechanisms`.
 *
 * @packageDocumentation
 */
export { filterMechanismsClient } from "./client.js";
