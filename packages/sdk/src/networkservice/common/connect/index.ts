// SPDX-License-Identifier: Apache-2.0
/**
 * From server to client chain, and from client chain to the wire.
 * Upstream: `sdk/pkg/networkservice/common/connect`.
 *
 * @packageDocumentation
 */
export { connectClient } from "./client.js";
export { connectServer } from "./server.js";
