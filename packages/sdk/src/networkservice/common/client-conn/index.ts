// SPDX-License-Identifier: Apache-2.0
/**
 * The channel to the next hop. Upstream: `sdk/pkg/networkservice/common/clientconn`.
 *
 * @packageDocumentation
 */
export { clientConnClient } from "./client.js";
export { clientChannel } from "./context.js";
