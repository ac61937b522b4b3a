// SPDX-License-Identifier: Apache-2.0
import { mustRun, takeSnapshot, waitFor } from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { leavesNothing } from "../scenarios/healing.js";
import { type InteropScenario, type Peer, peersName } from "./peers.js";

const CYCLES = 20;
const BOUND_MS = 5000;

const cycling = (peers: readonly Peer[]): InteropScenario => ({
  id: `INTEROP-CYCLES-01-${peersName(peers)}`,
  title: `${CYCLES} clients one after the other leave no link, registration or descriptor (${peers.join(", ")} in Go)`,
  nodes: 2,
  timeoutMs: 180_000,
  forms: ["full"],
  peers,
  async run(lab) {
    await lab.startControlPlane();
    const [first, second] = [lab.node(1), lab.node(2)];
    const endpoint = await second.addPod("nse-1");
    const nse = endpoint.startNse({ NSM_CIDR_PREFIX: "172.16.1.100/31", NSM_UNREGISTER_ITSELF: "true" });
    await lab.probe.registered(nse, second.nsmgrUrl, "nse-1");
    const before = await takeSnapshot(lab);
    const client = await first.addPod("nsc-1");
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      const nsc = client.startNsc(["kernel://icmp-responder/nsm-1"], { NSM_LOG_FORMAT: "json" });
      await waitFor(`connected in cycle ${cycle}`, BOUND_MS, () => {
        mustRun(nsc);
        return nsc.log().split("successfully connected").length > cycle ? true : undefined;
      });
      equal(`exit code in cycle ${cycle}`, await nsc.stop(), 0);
    }
    await client.stop();
    await leavesNothing(lab, before, 5000);
  },
});

/** Connections come and go. */
export const cycles: readonly InteropScenario[] = [
  cycling(["nsc"]),
  cycling(["nse"]),
  cycling(["nsmgr"]),
  cycling(["nsc", "nse", "nsmgr", "registry"]),
];
