// SPDX-License-Identifier: Apache-2.0
/** The connection context in the kernel of both pods. Upstream: sdk-kernel `connectioncontextkernel`. */
export { applyMac, wantedMac } from "./ethernet.js";
export { InstalledContext } from "./installed-context.js";
export { wantedMtuBytes } from "./mtu.js";
export { type PlannedNeighbour, type PlannedRoute, type PodPlan, podPlan } from "./plan.js";
export { kernelPods, type PodContexts, podContexts } from "./pods.js";
export { reconcilePod } from "./reconcile.js";
