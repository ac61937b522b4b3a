// SPDX-License-Identifier: Apache-2.0
/**
 * Order of events per connection, and events fired from inside a chain.
 * Upstream: `sdk/pkg/networkservice/common/begin`.
 *
 * @packageDocumentation
 */
export { type BeginClientOptions, beginClient } from "./client.js";
export { type EventFactory, type EventOptions, eventFactory, type RequestEventOptions } from "./context.js";
export { type Reselect, reselectAnyEndpoint, reselectSameEndpoint } from "./reselect.js";
export { beginServer } from "./server.js";
