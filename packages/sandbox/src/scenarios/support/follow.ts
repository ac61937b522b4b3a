// SPDX-License-Identifier: Apache-2.0
import { type Connection, ConnectionEventType, MonitorScopeSelector, State } from "@nsm/api";
import type { Domain } from "../../index.js";

/** One connection of an event: `UPDATE DOWN`, and what was announced. */
export interface SeenChange {
  readonly what: string;
  readonly connection: Connection | undefined;
}

/** Reads the events of the server at `url` until the domain ends; an event of no connections counts as one change. */
export function follow(domain: Domain, url: URL): readonly SeenChange[] {
  const { lifetime, connector } = domain.newProcess("follower");
  const { ctx } = lifetime;
  const seen: SeenChange[] = [];
  const read = async (): Promise<void> => {
    const channel = await connector.connect(url, { scope: "own", signal: ctx.signal });
    try {
      for await (const event of channel.monitor.monitorConnections(ctx, MonitorScopeSelector.create())) {
        const type = ConnectionEventType[event.type];
        const connections = Object.values(event.connections);
        if (connections.length === 0) seen.push({ what: `${type}`, connection: undefined });
        for (const connection of connections)
          seen.push({ what: `${type} ${State[connection.state]}`, connection });
      }
    } finally {
      channel.close();
    }
  };
  read().catch((error: unknown) => seen.push({ what: `ended: ${error}`, connection: undefined }));
  return seen;
}
