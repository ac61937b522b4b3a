// SPDX-License-Identifier: Apache-2.0
/**
 * Finding a forwarder for a connection. Upstream: `sdk/pkg/networkservice/common/discoverforwarder`.
 *
 * @packageDocumentation
 */
export { type DiscoverForwarderOptions, discoverForwarderServer } from "./server.js";
