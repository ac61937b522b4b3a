// SPDX-License-Identifier: Apache-2.0
import { ConnectionEventType, clone, State } from "@nsm/api";
import type { Connection, Context, NetworkServiceElement } from "@nsm/core";
import { eventConsumer } from "../../common/monitor/context.js";
import { loadMetadata } from "../../utils/metadata/index.js";
import { SmallestMtu } from "./smallest.js";

/**
 * Keeps the MTU of all connections at the smallest of them, 9000 bytes at first. When an answer lowers it, all other
 * connections are announced with the new MTU as REFRESH_REQUESTED, so that their clients ask again.
 * Place after `metadata` and `monitor` in a vl3 endpoint. State: a copy of each connection, until its Close; the
 * smallest MTU, which never grows. Upstream: `vl3mtu.NewServer`.
 */
export function vl3MtuServer(): NetworkServiceElement {
  const connections = new Map<string, Connection>();
  const smallest = new SmallestMtu();

  const askOthers = (ctx: Context, id: string): void => {
    const events = loadMetadata(ctx, eventConsumer);
    for (const [otherId, other] of connections) {
      if (otherId === id) continue;
      const changed = clone(other);
      changed.context.MTU = smallest.bytes;
      changed.state = State.REFRESH_REQUESTED;
      events?.send({ type: ConnectionEventType.UPDATE, connections: { [otherId]: changed } });
    }
  };

  return {
    name: "vl3-mtu-server",
    async request(ctx, request, next) {
      smallest.limit(request.connection);
      const connection = await next.request(ctx, request);
      connections.set(connection.id, clone(connection));
      if (smallest.lower(connection)) askOthers(ctx, connection.id);
      return connection;
    },
    async close(ctx, connection, next) {
      connections.delete(connection.id);
      await next.close(ctx, connection);
    },
    statistics: () => ({ connections: connections.size, mtuBytes: smallest.bytes }),
  };
}
