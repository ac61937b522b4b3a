// SPDX-License-Identifier: Apache-2.0
/**
 * Several addresses per connection. Upstream: `sdk/pkg/networkservice/ipam/groupipam`.
 *
 * @packageDocumentation
 */
export { groupIpamServer, type IpamFactory } from "./server.js";
