// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Lab, NSM_DIRECTORY, type Scenario } from "@nsm/lab";

/** Programs of which there is a Go twin; its forwarders need VPP or Open vSwitch, so ours is always between. */
export const peerApps = ["nsc", "nse", "nsmgr", "registry"] as const;
export type PeerApp = (typeof peerApps)[number];

/** A scenario in which Go peers stand in for some of our programs. */
export interface InteropScenario extends Scenario {
  readonly peers: readonly PeerApp[];
}

/** `go-nsc-nse`, or `go-all` when only the forwarder is ours. */
export const peersName = (peers: readonly PeerApp[]): string =>
  peers.length === peerApps.length ? "go-all" : `go-${peers.join("-")}`;

/** Command lines by app, for the lab. @param folder where the Go programs are */
export const peerCommands = (peers: readonly PeerApp[], folder: string): Record<string, string[]> =>
  Object.fromEntries(peers.map((app) => [app, [join(folder, app)]]));

/** Makes what a Go manager makes with its first Request, and leaves: the folder it watches for excluded prefixes. */
export function prepareNodes(lab: Lab): void {
  for (const node of lab.nodes) mkdirSync(node.holder.path(`${NSM_DIRECTORY}/config`), { recursive: true });
}

/** A scenario of our own daemons with some of them replaced. */
export const withPeers = (scenario: Scenario, peers: readonly PeerApp[]): InteropScenario => ({
  ...scenario,
  id: `INTEROP-${scenario.id}-${peersName(peers)}`,
  title: `${scenario.title} (${peers.join(", ")} in Go)`,
  peers,
});
