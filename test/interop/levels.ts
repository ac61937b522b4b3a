// SPDX-License-Identifier: Apache-2.0
import { mustRun, takeSnapshot, waitFor } from "@nsm/lab";
import { equal, holds } from "../scenarios/expect.js";
import { leavesNothing } from "../scenarios/healing.js";
import { connectPair, expectCleanStop, expectClientInterface, expectPings } from "../scenarios/pair.js";
import { type InteropScenario, peerApps } from "./peers.js";

const REMOTE_BOUND_MS = 8000;
/** Well below the client's 15 s for a Request. */
const REFUSAL_BOUND_MS = 5000;

/** What depends on the log level of a Go program, and not on ours. */
export const logLevels: readonly InteropScenario[] = [
  {
    id: "INTEROP-HEADERS-01-go-all",
    title: "at level TRACE Go adds a header per chain element to calls and answers; all are taken",
    nodes: 2,
    peers: peerApps,
    env: { NSM_LOG_LEVEL: "TRACE" },
    async run(lab) {
      const pair = await connectPair(lab, lab.node(1), lab.node(2), REMOTE_BOUND_MS);
      expectClientInterface(pair);
      await expectPings(pair);
      await expectCleanStop(lab, pair);
    },
  },
  {
    id: "INTEROP-FD-02-go-nsc",
    title:
      "a Go client at level WARN names its namespace and never sends it: it is refused long before its deadline",
    nodes: 1,
    peers: ["nsc"],
    async run(lab) {
      const node = lab.node(1);
      await lab.startControlPlane();
      const endpoint = await node.addPod("nse-1");
      const nse = endpoint.startNse({ NSM_CIDR_PREFIX: "172.16.1.100/31", NSM_UNREGISTER_ITSELF: "true" });
      await lab.probe.registered(nse, node.nsmgrUrl, "nse-1");
      const before = await takeSnapshot(lab);
      const client = await node.addPod("nsc-1");
      const nsc = client.startNsc(["kernel://icmp-responder/nsm-1"], { NSM_LOG_LEVEL: "WARN" });
      const refused = await waitFor("the client is refused twice", REFUSAL_BOUND_MS, () => {
        mustRun(nsc);
        const lines = nsc
          .log()
          .split("\n")
          .filter((line) => line.includes("cannot connect to icmp-responder"));
        return lines.length >= 2 ? lines : undefined;
      });
      holds(
        "the reason is told",
        refused.every((line) => line.includes("inode://")),
        refused,
      );
      equal("exit code of the client", await nsc.stop(), 0);
      await client.stop();
      await leavesNothing(lab, before, 3000);
    },
  },
];
