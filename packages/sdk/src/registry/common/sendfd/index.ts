// SPDX-License-Identifier: Apache-2.0
/** Sending the sockets of endpoints. Upstream: `pkg/registry/common/sendfd`. */
export { sendfdClient } from "./client.js";
export { sendfdServer } from "./server.js";
