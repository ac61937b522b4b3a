// SPDX-License-Identifier: Apache-2.0
/**
 * Authorization policies. Upstream: `sdk/pkg/tools/opa`.
 *
 * @packageDocumentation
 */
export { defaultMasks, type PolicyOptions, policiesFromMasks } from "./from-masks.js";
