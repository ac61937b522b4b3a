// SPDX-License-Identifier: Apache-2.0
/**
 * The path of a connection, one segment per application. Upstream: `sdk/pkg/networkservice/common/updatepath`.
 *
 * @packageDocumentation
 */
export { type UpdatePathOptions, updatePathClient, updatePathServer } from "./element.js";
