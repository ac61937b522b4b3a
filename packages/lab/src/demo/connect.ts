// SPDX-License-Identifier: Apache-2.0

import { type InterfaceSeen, interfaceSeen } from "../checks/interface.js";
import { type PathSeen, pathSeen } from "../checks/path.js";
import { bidirectional, type PingSeen } from "../checks/ping.js";
import type { Lab } from "../world/lab.js";
import { type LabProcess, mustRun } from "../world/lab-process.js";
import type { LabNode } from "../world/node.js";
import type { Pod } from "../world/pod.js";
import { waitFor } from "../world/wait.js";

/** Log record that the client writes when a service is connected. */
const CONNECTED = "successfully connected";

/** A connected client as seen from outside. */
export interface Connected {
  readonly client: Pod;
  readonly process: LabProcess;
  readonly path: PathSeen;
  readonly link: InterfaceSeen;
  /** How long the Request took, as the client logged it; NaN when it did not. */
  readonly requestMs: number;
}

/** Milliseconds that the client's log gives for the connection of a service. */
function loggedRequestMs(process: LabProcess): number {
  for (const line of process.log().split("\n")) {
    if (!line.includes(CONNECTED)) continue;
    try {
      return Number((JSON.parse(line) as { requestMs?: number }).requestMs ?? Number.NaN);
    } catch {
      return Number.NaN;
    }
  }
  return Number.NaN;
}

/**
 * Starts a client in a new pod and waits until its interface is there.
 * @param boundMs from process start (CONN: local 5 s, remote 8 s)
 */
export async function connectClient(
  lab: Lab,
  node: LabNode,
  name: string,
  service: string,
  boundMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Connected> {
  const client = await node.addPod(name);
  const process = client.startNsc([service], { NSM_LOG_FORMAT: "json", ...env });
  return await waitFor(`connection of ${name} to ${service}`, boundMs, async () => {
    mustRun(process);
    if (!process.log().includes(CONNECTED)) return undefined;
    const link = await interfaceSeen(client, "nsm-1");
    const path = await pathSeen(lab, node, `${name}-0`);
    return link && path ? { client, process, link, path, requestMs: loggedRequestMs(process) } : undefined;
  });
}

/** First address without its prefix length. */
export const bareIp = (cidrs: readonly string[]): string => (cidrs[0] ?? "").replace(/\/.*$/, "");

/** Pings both ways between a client and the endpoint of its connection. */
export async function pingBothWays(
  connected: Connected,
  endpoint: Pod,
): Promise<{ forward: PingSeen; back: PingSeen }> {
  const ip = connected.path.connection.context?.ipContext;
  return await bidirectional(
    { pod: connected.client, ip: bareIp(ip?.srcIpAddrs ?? []) },
    { pod: endpoint, ip: bareIp(ip?.dstIpAddrs ?? []) },
  );
}
