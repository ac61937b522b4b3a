// SPDX-License-Identifier: Apache-2.0
/**
 * Selection of mechanisms. Upstream: `sdk/pkg/networkservice/common/mechanisms`.
 *
 * @packageDocumentation
 */
export { mechanismsClient } from "./client.js";
export type { MechanismHandlers } from "./handlers.js";
export { mechanismsServer } from "./server.js";
