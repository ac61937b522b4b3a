// SPDX-License-Identifier: Apache-2.0
import { useCases } from "../scenarios/uc.js";
import { type InteropScenario, type Peer, withPeers } from "./peers.js";

/** Each peer alone, the client with the endpoint, managers of two kinds, everything but the forwarder. */
const together: readonly (readonly Peer[])[] = [
  ["nsc"],
  ["nse"],
  ["nsmgr"],
  ["registry"],
  ["nsc", "nse"],
  ["nsmgr-node-1"],
  ["nsmgr-node-2"],
  ["nsc", "nse", "nsmgr", "registry"],
];

/** In short form: each alone on one node, and what differs where a network is between. */
const short: readonly string[] = [
  "INTEROP-UC-01-go-nsc",
  "INTEROP-UC-01-go-nse",
  "INTEROP-UC-01-go-nsmgr",
  "INTEROP-UC-01-go-registry",
  "INTEROP-UC-02-go-nsmgr",
  "INTEROP-UC-02-go-all",
];

const scenario = (id: string): (typeof useCases)[number] => {
  const found = useCases.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no scenario ${id}`);
  return found;
};

/** The mechanism matrix with Go peers: the same sources, other programs. */
export const interopUseCases: readonly InteropScenario[] = ["UC-01", "UC-02", "UC-03"]
  .flatMap((id) => together.map((peers) => withPeers(scenario(id), peers)))
  .filter(({ id, nodes }) => nodes > 1 || !id.includes("-node-"))
  .map((made) => (short.includes(made.id) ? made : { ...made, forms: ["full"] }));
