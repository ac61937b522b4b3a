// SPDX-License-Identifier: Apache-2.0
/**
 * Counters of what connections carry. Upstream: `sdk/pkg/networkservice/common/metrics`.
 *
 * @packageDocumentation
 */
export { type AddToCounter, metricsServer } from "./server.js";
