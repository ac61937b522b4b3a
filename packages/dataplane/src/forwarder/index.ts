// SPDX-License-Identifier: Apache-2.0
/** The forwarder: its chain and the data planes below it. */
export type { Dataplane, VxlanTunnels } from "./dataplane.js";
export { freeDraw, type KernelDataplaneOptions, kernelDataplane } from "./kernel-dataplane.js";
export { type MemoryDataplane, memoryDataplane } from "./memory-dataplane.js";
export { type ForwarderOptions, forwarderServer } from "./server.js";
export { defaultTunnelIp, type TunnelAddress, tunnelAddress } from "./tunnel-address.js";
