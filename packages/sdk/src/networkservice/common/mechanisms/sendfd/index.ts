// SPDX-License-Identifier: Apache-2.0
/**
 * Sending descriptors. Upstream: `sdk/pkg/networkservice/common/mechanisms/sendfd`.
 *
 * @packageDocumentation
 */
export { sendfdClient } from "./client.js";
export { sendfdServer } from "./server.js";
