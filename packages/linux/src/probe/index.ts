// SPDX-License-Identifier: Apache-2.0
export { type Capability, type KernelCapabilities, type ProbeOptions, probeKernel } from "./probe.js";
