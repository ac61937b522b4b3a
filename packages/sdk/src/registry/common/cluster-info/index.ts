// SPDX-License-Identifier: Apache-2.0
/** Labels of the cluster. Upstream: `pkg/registry/common/clusterinfo`. */
export { clusterInfoServer } from "./server.js";
