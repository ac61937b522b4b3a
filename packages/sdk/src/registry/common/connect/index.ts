// SPDX-License-Identifier: Apache-2.0
/** Calls to the next registry. Upstream: `pkg/registry/common/connect`. */
export { connectClient } from "./client.js";
export { connectServer } from "./server.js";
