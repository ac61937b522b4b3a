// SPDX-License-Identifier: Apache-2.0
/**
 * Closing of connections that nobody refreshes. Upstream: `sdk/pkg/networkservice/common/timeout`.
 *
 * @packageDocumentation
 */
export { timeoutServer } from "./server.js";
