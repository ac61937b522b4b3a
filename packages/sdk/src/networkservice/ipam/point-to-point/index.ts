// SPDX-License-Identifier: Apache-2.0
/**
 * Pairs of addresses. Upstream: `sdk/pkg/networkservice/ipam/point2pointipam`.
 *
 * @packageDocumentation
 */
export { pointToPointIpamServer } from "./server.js";
