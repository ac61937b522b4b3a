// SPDX-License-Identifier: Apache-2.0
/** Labels of node, pod and cluster for endpoints. Upstream: `pkg/registry/common/clientinfo`. */
export { clientInfoClient } from "./client.js";
export type { ClientInfo } from "./client-info.js";
export { clientInfoServer } from "./server.js";
