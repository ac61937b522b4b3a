// SPDX-License-Identifier: Apache-2.0
import type { ConnectionEvent, MonitorScopeSelector } from "@nsm/api";
import type { Context } from "./context.js";

/**
 * Serves connection events. The first event is INITIAL_STATE_TRANSFER, also when no connection matches. The
 * stream ends without error when the context ends; on a client it throws when the peer is lost.
 * Upstream: `networkservice.MonitorConnectionServer` and `MonitorConnectionClient`.
 */
export interface MonitorService {
  monitorConnections(ctx: Context, selector: MonitorScopeSelector): AsyncIterable<ConnectionEvent>;
}
