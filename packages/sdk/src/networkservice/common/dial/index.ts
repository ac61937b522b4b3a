// SPDX-License-Identifier: Apache-2.0
/**
 * Channels to the next hop. Upstream: `sdk/pkg/networkservice/common/dial`.
 *
 * @packageDocumentation
 */
export { type DialOptions, dialClient } from "./client.js";
