// SPDX-License-Identifier: Apache-2.0
import { ConnectionEventType, clone, State } from "@nsm/api";
import type { Connection, Context, NetworkServiceElement } from "@nsm/core";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { clientChannel } from "../client-conn/context.js";
import { eventConsumer } from "./context.js";
import type { ConnectionEvents } from "./events.js";
import { followUpstream } from "./upstream-loop.js";

/**
 * Announces what happens to the connections of a server: UPDATE after every Request, DELETE after every Close, and
 * for connections that go on to a next hop what that hop announces (lost hop = state DOWN). A Request that fails on
 * a connection which went on is announced as DOWN. Following the next hop never delays a Request.
 * Place after `begin` and `metadata`, before whatever chooses and calls the next hop. State: in `events`, and one
 * stream per connection with a next hop, ended with `chainCtx`. Upstream: `monitor.NewServer`. Deviations: a next
 * hop that does not serve MonitorConnection is not taken for lost; a Request that succeeded is announced as UP (upstream
 * shows RESELECT_REQUESTED after a repair until the next refresh).
 */
export function monitorServer(chainCtx: Context, events: ConnectionEvents): NetworkServiceElement {
  const following = metadataKey<() => void>("server", "monitor.following");
  let streams = 0;

  const send = (type: ConnectionEventType, connection: Connection): void =>
    events.send({ type, connections: { [connection.id]: connection } });

  return {
    name: "monitor-server",
    async request(ctx, request, next) {
      const stop = deleteMetadata(ctx, following);
      stop?.();
      storeMetadata(ctx, eventConsumer, events);
      const sent = stop === undefined ? undefined : clone(request.connection);
      let connection: Connection;
      try {
        connection = await next.request(ctx, request);
      } catch (error) {
        if (sent !== undefined) send(ConnectionEventType.UPDATE, { ...sent, state: State.DOWN });
        throw error;
      }
      send(ConnectionEventType.UPDATE, { ...connection, state: State.UP }); // as begin will return it
      const channel = loadMetadata(ctx, clientChannel);
      if (channel !== undefined) {
        const stopFollowing = followUpstream(chainCtx, channel, connection, events);
        streams += 1;
        storeMetadata(ctx, following, () => {
          streams -= 1;
          stopFollowing();
        });
      }
      return connection;
    },
    async close(ctx, connection, next) {
      deleteMetadata(ctx, following)?.();
      const gone = clone(connection);
      try {
        await next.close(ctx, connection);
      } finally {
        send(ConnectionEventType.DELETE, gone);
      }
    },
    statistics: () => ({ ...events.statistics(), streams }),
  };
}
