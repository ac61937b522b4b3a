// SPDX-License-Identifier: Apache-2.0
/** What connections are secured with. */
export { insecure, type LinkSecurity, type SecuredStream } from "./link-security.js";
export { type MutualTlsOptions, mutualTls } from "./mutual-tls.js";
export { describeEarlyEnd } from "./tls-errors.js";
