// SPDX-License-Identifier: Apache-2.0
/**
 * Single addresses in a shared network. Upstream: `sdk/pkg/networkservice/ipam/singlepointipam`.
 *
 * @packageDocumentation
 */
export { singlePointIpamServer } from "./server.js";
