// SPDX-License-Identifier: Apache-2.0
/** The forwarder over kernel links. Upstream: cmd-forwarder-vpp. */
export { type Dataplane, type MemoryDataplane, memoryDataplane } from "@nsm/dataplane";
export type { ForwarderConfig } from "./config.js";
export { forwarder } from "./forwarder.js";
