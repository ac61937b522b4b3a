// SPDX-License-Identifier: Apache-2.0
/**
 * Kernel mechanisms, cross connect, connection context in the kernel, and the forwarder chain.
 *
 * @packageDocumentation
 */
export { kernelAddressesInUse } from "./addresses-in-use/index.js";
export {
  applyMac,
  InstalledContext,
  kernelPods,
  type PlannedNeighbour,
  type PlannedRoute,
  type PodContexts,
  type PodPlan,
  podPlan,
  reconcilePod,
  wantedMac,
} from "./connection-context/index.js";
export { crossConnect } from "./cross-connect/index.js";
export * from "./elements/index.js";
export * from "./forwarder/index.js";
export { type KernelLivenessOptions, kernelLiveness } from "./liveness/index.js";
export {
  kernelDriver,
  type PodPort,
  VniIndex,
  type VxlanDriverOptions,
  vxlanDriver,
} from "./mechanisms/index.js";
export * from "./names/index.js";
export { openPodNetns, type Pod, withPod } from "./pod/index.js";
