// SPDX-License-Identifier: Apache-2.0
/**
 * Checks of the tokens in a connection's path. Upstream: `sdk/pkg/networkservice/common/authorize`.
 *
 * @packageDocumentation
 */
export { type AdmitServerOptions, admitServer } from "./admit.js";
export { authorizeClient } from "./client.js";
export { ConnectionHolders, type Holder } from "./holders.js";
export { type AuthorizeServerOptions, authorizeServer } from "./server.js";
