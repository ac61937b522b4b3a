// SPDX-License-Identifier: Apache-2.0
/** Addresses of endpoints inside and outside of the cluster. Upstream: `pkg/registry/common/swapip`. */
export { swapIpServer } from "./server.js";
