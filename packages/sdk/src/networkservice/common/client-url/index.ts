// SPDX-License-Identifier: Apache-2.0
/**
 * Where the next hop listens. Upstream: `sdk/pkg/networkservice/common/clienturl`.
 *
 * @packageDocumentation
 */
export { clientUrlClient } from "./client.js";
export { clientUrl } from "./context.js";
export { clientUrlServer } from "./server.js";
