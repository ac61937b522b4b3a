// SPDX-License-Identifier: Apache-2.0
/**
 * Refusal of foreign addresses. Upstream: `sdk/pkg/networkservice/ipam/strictipam`.
 *
 * @packageDocumentation
 */
export { strictIpamServer } from "./server.js";
