// SPDX-License-Identifier: Apache-2.0
import { interfaceSeen, mustRun, pingFrom, takeSnapshot, waitFor } from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { leavesNothing } from "../scenarios/healing.js";
import { type InteropScenario, type Peer, peersName } from "./peers.js";

const CYCLES = 20;
const BOUND_MS = 5000;
const CROWD = 12;
const CROWD_BOUND_MS = 30_000;
const JSON_LOG = { NSM_LOG_FORMAT: "json" };

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
      const nsc = client.startNsc(["kernel://icmp-responder/nsm-1"], JSON_LOG);
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

const crowd = (peers: readonly Peer[]): InteropScenario => ({
  id: `INTEROP-CYCLES-02-${peersName(peers)}`,
  title: `${CROWD} clients connect at once, every one answers, and all close at once (${peers.join(", ")} in Go)`,
  nodes: 2,
  timeoutMs: 180_000,
  forms: ["full"],
  peers,
  async run(lab) {
    await lab.startControlPlane();
    const [first, second] = [lab.node(1), lab.node(2)];
    const endpoint = await second.addPod("nse-1");
    const nse = endpoint.startNse({ NSM_CIDR_PREFIX: "172.16.1.0/24", NSM_UNREGISTER_ITSELF: "true" });
    await lab.probe.registered(nse, second.nsmgrUrl, "nse-1");
    const before = await takeSnapshot(lab);
    const names = Array.from({ length: CROWD }, (_, index) => `nsc-${index + 1}`);
    const pods = await Promise.all(names.map((name) => first.addPod(name)));
    const clients = pods.map((pod) => pod.startNsc(["kernel://icmp-responder/nsm-1"], JSON_LOG));
    await waitFor("all are connected", CROWD_BOUND_MS, () => {
      for (const client of clients) mustRun(client);
      return clients.every((client) => client.log().includes("successfully connected")) ? true : undefined;
    });
    const seen = await Promise.all(
      pods.map(async (pod) => {
        const link = await interfaceSeen(pod, "nsm-1");
        const [route = ""] = link?.linkRoutes ?? [];
        const { received } = await pingFrom(pod, route.replace(/\/.*$/, ""));
        return { address: link?.addresses.join(), received };
      }),
    );
    equal("different addresses", new Set(seen.map(({ address }) => address)).size, CROWD);
    equal("clients with four replies of four", seen.filter(({ received }) => received === 4).length, CROWD);
    const codes = await Promise.all(clients.map((client) => client.stop(CROWD_BOUND_MS)));
    equal("exit codes other than 0", codes.filter((code) => code !== 0).length, 0);
    for (const pod of pods) await pod.stop();
    await leavesNothing(lab, before, 5000);
  },
});

/** Connections come and go. */
export const cycles: readonly InteropScenario[] = [
  cycling(["nsc"]),
  cycling(["nse"]),
  cycling(["nsmgr"]),
  cycling(["nsc", "nse", "nsmgr", "registry"]),
  crowd(["nsc"]),
  crowd(["nse"]),
  crowd(["nsmgr"]),
  crowd(["registry"]),
];
