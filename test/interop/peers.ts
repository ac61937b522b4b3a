// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Lab, NSM_DIRECTORY, type Scenario } from "@nsm/lab";

/** Programs of which there is a Go twin; its forwarders need VPP or Open vSwitch, so ours is always between. */
export const peerApps = ["nsc", "nse", "nsmgr", "registry"] as const;
export type PeerApp = (typeof peerApps)[number];

/** All processes of an app, or one process: `nsmgr-node-1`, `nse-2`. */
export type Peer = PeerApp | `${PeerApp}-${string}`;

/** A scenario in which Go peers stand in for some of our programs. */
export interface InteropScenario extends Scenario {
  readonly peers: readonly Peer[];
}

/** `go-nsc-nse`, or `go-all` when only the forwarder is ours. */
export const peersName = (peers: readonly Peer[]): string =>
  peers.length === peerApps.length ? "go-all" : `go-${peers.join("-")}`;

/** Command lines by app or process, for the lab. @param folder where the Go programs are */
export const peerCommands = (peers: readonly Peer[], folder: string): Record<string, string[]> =>
  Object.fromEntries(peers.map((peer) => [peer, [join(folder, peer.replace(/-.*$/, ""))]]));

/**
 * What a Go program writes into every line of its log shows that it ran.
 * @throws Error when one of the peers was our own program all the time
 */
export function expectPeersRan(peers: readonly Peer[], logFolder: string): void {
  for (const peer of peers) {
    const app = peer.replace(/-.*$/, "");
    const ran = readdirSync(logFolder)
      .filter((file) => file.startsWith(peer))
      .some((file) => readFileSync(join(logFolder, file), "utf8").includes(`[cmd:${app}]`));
    if (!ran) throw new Error(`no ${peer} in Go was started`);
  }
}

/** Makes what a Go manager makes with its first Request, and leaves: the folder it watches for excluded prefixes. */
export function prepareNodes(lab: Lab): void {
  for (const node of lab.nodes) mkdirSync(node.holder.path(`${NSM_DIRECTORY}/config`), { recursive: true });
}

/** A scenario of our own daemons with some of them replaced. */
export const withPeers = (scenario: Scenario, peers: readonly Peer[]): InteropScenario => ({
  ...scenario,
  id: `INTEROP-${scenario.id}-${peersName(peers)}`,
  title: `${scenario.title} (${peers.join(", ")} in Go)`,
  peers,
});
