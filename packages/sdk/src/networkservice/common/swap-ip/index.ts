// SPDX-License-Identifier: Apache-2.0
/**
 * Tunnel addresses inside and outside of a cluster. Upstream: `sdk/pkg/networkservice/common/swapip`.
 *
 * @packageDocumentation
 */
export { swapIpClient } from "./client.js";
export { swapIpServer } from "./server.js";
