// SPDX-License-Identifier: Apache-2.0
import { features } from "../scenarios/feat.js";
import { healing } from "../scenarios/heal.js";
import { type InteropScenario, type Peer, withPeers } from "./peers.js";

const sources = [...healing, ...features];

const made = (ids: readonly string[], peers: readonly Peer[], env = {}): InteropScenario[] =>
  ids.map((id) => {
    const source = sources.find((candidate) => candidate.id === id);
    if (!source) throw new Error(`no scenario ${id}`);
    const scenario = withPeers(source, peers);
    return { ...scenario, env: { ...scenario.env, ...env }, forms: ["full"] };
  });

/** Registrations at Go managers and registries need tokens of 45 s and more (see the README). */
const LONG_TOKENS = { NSM_MAX_TOKEN_LIFETIME: "60s" };

/** Daemons and workloads die: what holds with any peer. */
const always = ["HEAL-03", "HEAL-04", "HEAL-05", "HEAL-08", "HEAL-09", "HEAL-24", "FEAT-06", "FEAT-25"];
/** The same with dead endpoints, whose registration has to expire soon. */
const withDeadEndpoints = [...always, "HEAL-01", "HEAL-02", "HEAL-06", "HEAL-16"];

/** Recovery with Go peers, from the sources of our own scenarios. */
export const interopHealing: readonly InteropScenario[] = [
  ...made(withDeadEndpoints, ["nsc"]),
  ...made(withDeadEndpoints, ["nse"]),
  ...made(withDeadEndpoints, ["nsc", "nse"]),
  ...made(always, ["nsmgr"], LONG_TOKENS),
  ...made(always, ["registry"], LONG_TOKENS),
  ...made(always, ["nsc", "nse", "nsmgr", "registry"], LONG_TOKENS),
];
