// SPDX-License-Identifier: Apache-2.0
/** Entering a pod's network namespace for the time of a call. */
export { type OpenRoute, openPodNetns, type Pod, withPod } from "./pod-netns.js";
