// SPDX-License-Identifier: Apache-2.0
import { timestampToMs } from "@nsm/api";
import { interfaceSeen, type Lab, mustRun, pathSeen, pingFrom, waitFor } from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { CLIENT_ADDRESS, connectPair, expectCleanStop, expectPings, type Pair } from "../scenarios/pair.js";
import { type InteropScenario, type Peer, peersName } from "./peers.js";

const BOUND_MS = 5000;
/**
 * Go registries give up a registration the whole rest of its call's deadline (15 s) before the token ends, and clients
 * refresh it after two thirds of its life: less than 45 s are not possible. Connections are refreshed after a fifth.
 */
const TOKEN_LIFETIME_MS = 48_000;
const REFRESH_BOUND_MS = TOKEN_LIFETIME_MS / 3;
const ROTATIONS = { short: 1, full: 3 };

/** Gives every workload of the lab a new SVID, with a new key. */
function rotateAll(lab: Lab): void {
  for (const node of lab.nodes) {
    for (const identity of node.identities.values()) identity.rotate();
    for (const pod of node.pods.values()) pod.identity?.rotate();
  }
}

/** When the first token of the connection's path ends, milliseconds since 1970. */
async function earliestExpiryMs(lab: Lab): Promise<number> {
  const path = await pathSeen(lab, lab.node(1), "nsc-1-0");
  const expiries =
    path?.connection.path?.pathSegments.map(({ expires }) =>
      expires === undefined ? 0 : timestampToMs(expires),
    ) ?? [];
  if (expiries.length === 0) throw new Error("the manager knows no connection of the client");
  return Math.min(...expiries);
}

async function expectStable(lab: Lab, { connected, endpoint }: Pair): Promise<void> {
  for (const process of lab.processes) mustRun(process);
  const pings = await Promise.all([
    pingFrom(connected.client, "172.16.1.100"),
    pingFrom(endpoint, "172.16.1.101"),
  ]);
  equal(
    "replies of 4 both ways",
    pings.map(({ received }) => received),
    [4, 4],
  );
  const link = await interfaceSeen(connected.client, "nsm-1");
  equal("ifindex", link?.ifindex, connected.link.ifindex);
  equal("addresses of the client", link?.addresses, [CLIENT_ADDRESS]);
}

const rotation = (peers: readonly Peer[], forms: InteropScenario["forms"]): InteropScenario => ({
  id: `INTEROP-SEC-03-${peersName(peers)}`,
  title: `connections are refreshed and closed with SVIDs that they were not made with (${peers.join(", ")} in Go)`,
  nodes: 1,
  timeoutMs: 90_000,
  ...(forms === undefined ? {} : { forms }),
  env: { NSM_MAX_TOKEN_LIFETIME: `${TOKEN_LIFETIME_MS / 1000}s` },
  peers,
  async run(lab, { form }) {
    const pair = await connectPair(lab, lab.node(1), lab.node(1), BOUND_MS);
    await expectPings(pair);
    for (let round = 0; round < ROTATIONS[form]; round++) {
      const formerMs = await earliestExpiryMs(lab);
      rotateAll(lab);
      await waitFor("refreshed after the SVIDs have changed", REFRESH_BOUND_MS, async () =>
        (await earliestExpiryMs(lab)) > formerMs ? true : undefined,
      );
      await expectStable(lab, pair);
    }
    await expectCleanStop(lab, pair);
  },
});

/** New SVIDs while connections live. */
export const rotations: readonly InteropScenario[] = [
  rotation(["nsc"], ["full"]),
  rotation(["nse"], ["full"]),
  rotation(["nsmgr"], ["full"]),
  rotation(["registry"], ["full"]),
  rotation(["nsc", "nse", "nsmgr", "registry"], undefined),
];
