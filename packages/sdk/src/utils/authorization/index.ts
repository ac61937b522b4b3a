// SPDX-License-Identifier: Apache-2.0
/**
 * What the authorize elements of both halves share.
 *
 * @packageDocumentation
 */
export { type CheckOptions, checkCall } from "./check.js";
export { type Proxies, proxiesOf } from "./proxies.js";
export { tokenExpiryMs } from "./token-expiry.js";
