// SPDX-License-Identifier: Apache-2.0
/**
 * What the authorize elements of both halves share.
 *
 * @packageDocumentation
 */
export { type CheckOptions, checkCall, type Proxies } from "./check.js";
