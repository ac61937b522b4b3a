// SPDX-License-Identifier: Apache-2.0
/** What happens to links and namespaces outside of calls. */
export { kernelWatches } from "./kernel-watches.js";
export type { Following, PortState, Watches } from "./watches.js";
