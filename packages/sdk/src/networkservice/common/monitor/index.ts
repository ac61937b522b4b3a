// SPDX-License-Identifier: Apache-2.0
/**
 * Events about connections. Upstream: `sdk/pkg/networkservice/common/monitor`.
 *
 * @packageDocumentation
 */
export { type EventConsumer, eventConsumer } from "./context.js";
export { ConnectionEvents } from "./events.js";
export { monitorServer } from "./server.js";
