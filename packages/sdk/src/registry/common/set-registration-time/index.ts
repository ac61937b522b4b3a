// SPDX-License-Identifier: Apache-2.0
/** Time of the first registration. Upstream: `pkg/registry/common/setregistrationtime`. */
export { setRegistrationTimeServer } from "./server.js";
