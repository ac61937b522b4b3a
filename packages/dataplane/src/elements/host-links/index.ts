// SPDX-License-Identifier: Apache-2.0
/** What becomes of links that outlive the process that made them. */
export { keepVniServer } from "./keep-vni.js";
export { hostLinksServer } from "./server.js";
