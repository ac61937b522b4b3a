// SPDX-License-Identifier: Apache-2.0
/** The forwarder over kernel links. Upstream: cmd-forwarder-vpp. */
export type { ForwarderConfig } from "./config.js";
export { forwarder } from "./forwarder.js";
