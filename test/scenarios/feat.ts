// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { connectClient, type Lab, leftBehind, type Scenario, takeSnapshot, waitFor } from "@nsm/lab";
import { equal } from "./expect.js";

const SERVICE = "kernel://icmp-responder/nsm-1";
const LOCAL_BOUND_MS = 5000;
const LAST_PIECE_BOUND_MS = 20_000;

async function stopPods(lab: Lab): Promise<void> {
  const pods = lab.nodes.flatMap((node) => [...node.pods.values()]);
  for (const pod of [...pods].reverse()) await pod.stop();
}

/** Starts the client first, then the rest one by one, from the farthest to the nearest piece it needs. */
async function clientFirst(lab: Lab): Promise<void> {
  const node = lab.node(1);
  const client = await node.addPod("nsc-1");
  const nsc = client.startNsc([SERVICE], { NSM_LOG_FORMAT: "json", NSM_REQUEST_TIMEOUT: "2s" });
  const nsmgr = node.startNsmgr(lab.registryUrl);
  await lab.probe.serving(nsmgr, node.nsmgrUrl);
  const forwarder = node.startForwarder();
  await lab.probe.serving(node.startRegistry(), lab.registryUrl);
  await lab.probe.registered(forwarder, node.nsmgrUrl, `forwarder-${node.name}`);
  const endpoint = await node.addPod("nse-1");
  endpoint.startNse({ NSM_CIDR_PREFIX: "172.16.1.100/31", NSM_UNREGISTER_ITSELF: "true" });
  await waitFor("the client that came first is connected", LAST_PIECE_BOUND_MS, () =>
    nsc.log().includes("successfully connected") ? true : undefined,
  );
  equal("all run", [nsc.running, nsmgr.running, forwarder.running], [true, true, true]);
}

/** Features. */
export const features: readonly Scenario[] = [
  {
    id: "FEAT-06",
    title: "addresses that the cluster excludes are not given out",
    nodes: 1,
    async run(lab) {
      const node = lab.node(1);
      await lab.startControlPlane();
      const before = await takeSnapshot(lab);
      const path = node.holder.path("/var/lib/networkservicemesh/config/excluded_prefixes.yaml");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "prefixes: [172.16.1.201/32, 172.16.1.202/32]\n");
      const endpoint = await node.addPod("nse-1");
      const nse = endpoint.startNse({ NSM_CIDR_PREFIX: "172.16.1.200/30", NSM_UNREGISTER_ITSELF: "true" });
      await lab.probe.registered(nse, node.nsmgrUrl, "nse-1");
      const connected = await connectClient(lab, node, "nsc-1", SERVICE, LOCAL_BOUND_MS);
      equal("client addresses", connected.link.addresses, ["172.16.1.203/32"]);
      equal("route to the endpoint", connected.link.linkRoutes, ["172.16.1.200/32"]);
      await stopPods(lab);
      const left = await leftBehind(lab, before);
      equal(
        "left behind",
        left.filter((line) => !line.includes("excluded_prefixes.yaml")),
        [],
      );
    },
  },
  {
    id: "FEAT-25",
    title: "a client that starts before everything it needs connects once the last piece is there",
    nodes: 1,
    async run(lab) {
      await clientFirst(lab);
      const connected = await lab.probe.connections(lab.node(1).nsmgrUrl);
      equal("connections at the manager", Object.keys(connected).length, 1);
      await stopPods(lab);
    },
  },
];
