// SPDX-License-Identifier: Apache-2.0
/** The registry a chain dials. Upstream: `pkg/registry/common/clienturl`. */
export { clientUrlClient } from "./client.js";
export { clientUrl } from "./context.js";
export { clientUrlServer } from "./server.js";
