// SPDX-License-Identifier: Apache-2.0
/** MTU of VXLAN tunnels. */
export { vxlanMtuClient, vxlanMtuServer } from "./element.js";
export { lowerMtuBytes, VXLAN_OVERHEAD_BYTES, vxlanMtuBytes } from "./rules.js";
