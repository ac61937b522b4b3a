// SPDX-License-Identifier: Apache-2.0
/** Receiving the sockets of endpoints. Upstream: `pkg/registry/common/recvfd`. */
export { recvfdClient } from "./client.js";
export { type RecvfdServerOptions, recvfdServer } from "./server.js";
