// SPDX-License-Identifier: Apache-2.0
/** Order of calls per registered name, and events from inside the chain. Upstream: `pkg/registry/common/begin`. */
export { beginClient } from "./client.js";
export {
  eventFactory,
  type RegistryEventFactory,
  type RegistryEventOptions,
  type UnregisterEventOptions,
} from "./context.js";
export { beginServer } from "./server.js";
