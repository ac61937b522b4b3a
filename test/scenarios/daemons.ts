// SPDX-License-Identifier: Apache-2.0
import type { Lab, LabNode, LabProcess } from "@nsm/lab";

/** A daemon of a node by its app: `registry`, `nsmgr` or `forwarder`. */
export interface DaemonOfNode {
  readonly node: LabNode;
  readonly app: string;
}

/** Every daemon of every node. */
export const daemonsOf = (lab: Lab): DaemonOfNode[] =>
  lab.nodes.flatMap((node) => [...node.daemons.keys()].map((app) => ({ node, app })));

/** Kills daemons at once (K1). */
export async function killDaemons(daemons: readonly DaemonOfNode[]): Promise<void> {
  await Promise.all(daemons.map(async ({ node, app }) => await node.daemons.get(app)?.kill()));
}

/** Starts a daemon of a node as it was started last, after killing it, and waits until it serves. */
export async function revive(lab: Lab, { node, app }: DaemonOfNode): Promise<LabProcess> {
  const daemon = await node.restart(app);
  const urls: Readonly<Record<string, URL>> = {
    registry: node.registryUrl,
    nsmgr: node.nsmgrUrl,
    forwarder: node.forwarderUrl,
  };
  const url = urls[app];
  if (!url) throw new Error(`${app} is no daemon of a node`);
  await lab.probe.serving(daemon, url);
  return daemon;
}
