// SPDX-License-Identifier: Apache-2.0
/**
 * One MTU for all connections of a vl3 network. Upstream: `sdk/pkg/networkservice/connectioncontext/mtu/vl3mtu`.
 *
 * @packageDocumentation
 */
export { vl3MtuClient } from "./client.js";
export { vl3MtuServer } from "./server.js";
