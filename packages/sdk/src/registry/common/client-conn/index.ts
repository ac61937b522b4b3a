// SPDX-License-Identifier: Apache-2.0
/** Where names are registered. Upstream: `pkg/registry/common/clientconn`. */
export { clientConnClient } from "./client.js";
export { type RegisteredThrough, registeredThrough, registrationScope } from "./context.js";
