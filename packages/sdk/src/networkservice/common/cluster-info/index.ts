// SPDX-License-Identifier: Apache-2.0
/**
 * Labels of the cluster. Upstream: `sdk/pkg/networkservice/common/clusterinfo`.
 *
 * @packageDocumentation
 */
export { clusterInfoServer } from "./server.js";
