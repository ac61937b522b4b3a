// SPDX-License-Identifier: Apache-2.0
/**
 * Receiving descriptors. Upstream: `sdk/pkg/networkservice/common/mechanisms/recvfd`.
 *
 * @packageDocumentation
 */
export { recvfdClient } from "./client.js";
export { CallDescriptors, callDescriptors, withCallDescriptors } from "./context.js";
export { recvfdServer } from "./server.js";
