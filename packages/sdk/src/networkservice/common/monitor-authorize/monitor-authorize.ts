// SPDX-License-Identifier: Apache-2.0
import type { ConnectionEvent } from "@nsm/api";
import { incomingCall, type MonitorService, type Policy } from "@nsm/core";
import { checkCall } from "../../../utils/authorization/index.js";
import type { ConnectionHolders } from "../authorize/index.js";

/** What {@link monitorAuthorize} needs. */
export interface MonitorAuthorizeOptions {
  /** Asked once per stream, before it starts. */
  readonly policy: Policy;
  /** Shared with the server's `authorizeServer`. */
  readonly holders: ConnectionHolders;
}

/**
 * A monitor service whose streams start only when the policy agrees to the wanted connections and those the caller
 * holds. Events of connections that somebody else holds show no tokens. Upstream: `authorize.NewMonitorConnectionServer`,
 * which shows all tokens; no daemon of upstream asks a policy here.
 * @param inner serves the events; they must be copies of their reader's
 * @returns streams that throw PERMISSION_DENIED or INTERNAL, text ending with the policy's
 */
export function monitorAuthorize(
  inner: MonitorService,
  { policy, holders }: MonitorAuthorizeOptions,
): MonitorService {
  return {
    async *monitorConnections(ctx, selector) {
      const call = ctx.get(incomingCall);
      const spiffeId = call?.peer?.spiffeId ?? "";
      await checkCall(
        ctx,
        { area: "monitor", policy, peer: call?.peer },
        {
          spiffe_id_connection_map: holders.document(),
          selector_connection_ids: selector.pathSegments.map(({ id }) => id),
          service_spiffe_id: spiffeId,
        },
      );
      for await (const event of inner.monitorConnections(ctx, selector)) {
        if (spiffeId !== "") hideTokens(event, (id) => holders.holderOf(id) !== spiffeId);
        yield event;
      }
    },
  };
}

function hideTokens(event: ConnectionEvent, isForeign: (id: string) => boolean): void {
  for (const [id, connection] of Object.entries(event.connections)) {
    if (!isForeign(id)) continue;
    for (const segment of connection?.path?.pathSegments ?? []) segment.token = "";
  }
}
