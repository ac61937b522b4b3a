// SPDX-License-Identifier: Apache-2.0
/**
 * Name servers of connections. Upstream: `sdk/pkg/networkservice/connectioncontext/dnscontext`.
 *
 * @packageDocumentation
 */
export { dnsContextClient } from "./client.js";
export { dnsContextServer } from "./server.js";
