// SPDX-License-Identifier: Apache-2.0
/** Adds a hop to the registry path. Upstream: `pkg/registry/common/updatepath`. */
export { ownTokenExpiresMs } from "./context.js";
export { updatePathServer } from "./server.js";
