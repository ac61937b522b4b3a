// SPDX-License-Identifier: Apache-2.0
/** The end of a registry's own branch: the store. Upstream: `pkg/registry/common/memory`. */
export { memoryServer } from "./server.js";
