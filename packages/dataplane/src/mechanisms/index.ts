// SPDX-License-Identifier: Apache-2.0
/** Drivers of the mechanisms that the kernel provides. */
export type { OwnLinks } from "./host-link.js";
export { kernelDriver, type PodPort } from "./kernel.js";
export { VniIndex } from "./vni-index.js";
export { type VxlanDriverOptions, vxlanDriver } from "./vxlan.js";
