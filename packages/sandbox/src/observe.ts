// SPDX-License-Identifier: Apache-2.0
import { type Connection, MonitorScopeSelector } from "@nsm/api";
import { withTimeout } from "@nsm/core";
import type { Domain } from "./domain.js";
import type { Entry } from "./entry.js";

const OBSERVE_TIMEOUT_MS = 5_000;

/** Connections of an entry as its monitor shows them now, in order of their making. */
export async function connectionsOf(
  domain: Pick<Domain, "newProcess" | "wait">,
  entry: Entry,
): Promise<Connection[]> {
  const { lifetime, connector } = domain.newProcess("observer");
  const { ctx, cancel } = withTimeout(lifetime.ctx, OBSERVE_TIMEOUT_MS);
  const read = async (): Promise<Connection[]> => {
    const channel = await connector.connect(entry.url, { scope: "own", signal: ctx.signal });
    try {
      for await (const event of channel.monitor.monitorConnections(ctx, MonitorScopeSelector.create())) {
        return Object.values(event.connections); // the first event holds everything
      }
      return [];
    } finally {
      channel.close();
    }
  };
  try {
    return await domain.wait(read());
  } finally {
    cancel();
  }
}
