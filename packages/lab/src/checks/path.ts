// SPDX-License-Identifier: Apache-2.0
import type { Connection } from "@nsm/api";
import type { Lab } from "../world/lab.js";
import type { LabNode } from "../world/node.js";

/** What PATH saw of a connection. */
export interface PathSeen {
  /** Names of the hops, client first. */
  readonly names: readonly string[];
  /** Mechanism types between neighbours as far as the manager knows: the client's. */
  readonly connection: Connection;
}

/** PATH: the hops of a client's connection as its node's manager reports them; undefined when it knows none. */
export async function pathSeen(
  lab: Lab,
  node: LabNode,
  clientConnectionId: string,
): Promise<PathSeen | undefined> {
  const connections = Object.values(await lab.probe.connections(node.nsmgrUrl));
  const connection = connections.find((c) => c.path?.pathSegments[0]?.id === clientConnectionId);
  if (!connection) return undefined;
  return { names: connection.path?.pathSegments.map((segment) => segment.name) ?? [], connection };
}
