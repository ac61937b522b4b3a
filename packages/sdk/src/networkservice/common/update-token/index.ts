// SPDX-License-Identifier: Apache-2.0
/**
 * Tokens of path segments. Upstream: `sdk/pkg/networkservice/common/updatetoken`.
 *
 * @packageDocumentation
 */
export { updateTokenServer } from "./server.js";
