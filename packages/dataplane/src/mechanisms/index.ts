// SPDX-License-Identifier: Apache-2.0
/** Drivers of the mechanisms that the kernel provides. */
export { kernelDriver, type PodPort } from "./kernel.js";
export { VniIndex } from "./vni-index.js";
export { type VxlanDriverOptions, vxlanDriver } from "./vxlan.js";
