// SPDX-License-Identifier: Apache-2.0
/** End of registrations that are not refreshed. Upstream: `pkg/registry/common/expire`. */
export { type ExpireOptions, expireServer } from "./server.js";
