// SPDX-License-Identifier: Apache-2.0
/** Checks of data paths. Upstream: `sdk-kernel/pkg/kernel/tools/heal`. */
export { type KernelLivenessOptions, kernelLiveness } from "./kernel-liveness.js";
