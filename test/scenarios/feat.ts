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

/** What a client needs, in the order an operator would start it. */
const pieces = ["registry", "nsmgr", "forwarder", "endpoint"] as const;

/** Starts a client when all but one piece run, and that one last; the pieces before it can do without it. */
async function lastPiece(lab: Lab, last: (typeof pieces)[number]): Promise<void> {
  const node = lab.node(1);
  const start: Record<(typeof pieces)[number], () => Promise<void>> = {
    registry: async () => void node.startRegistry(),
    nsmgr: async () => void node.startNsmgr(lab.registryUrl),
    forwarder: async () => void node.startForwarder(),
    async endpoint() {
      const pod = await node.addPod(`nse-${last}`);
      pod.startNse({ NSM_CIDR_PREFIX: "172.16.1.100/31", NSM_UNREGISTER_ITSELF: "true" });
    },
  };
  for (const piece of pieces.filter((name) => name !== last)) await start[piece]();
  const client = await node.addPod(`nsc-${last}`);
  const nsc = client.startNsc([SERVICE], { NSM_LOG_FORMAT: "json", NSM_REQUEST_TIMEOUT: "2s" });
  await waitFor("the client has failed once", LAST_PIECE_BOUND_MS, () =>
    nsc.log().includes("cannot connect") ? true : undefined,
  );
  await start[last]();
  await waitFor(`connected after the ${last} came last`, LAST_PIECE_BOUND_MS, () =>
    nsc.log().includes("successfully connected") ? true : undefined,
  );
  equal(
    "all run",
    lab.processes.filter(({ running }) => !running).map(({ name }) => name),
    [],
  );
  await client.stop();
  await node.pods.get(`nse-${last}`)?.stop();
  node.pods.clear();
  for (const app of ["forwarder", "nsmgr", "registry"]) await node.daemons.get(app)?.stop();
  node.daemons.clear();
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
    title:
      "a client that starts before registry, manager, forwarder or endpoint connects once that piece is there",
    nodes: 1,
    async run(lab) {
      for (const last of pieces) await lastPiece(lab, last);
    },
  },
];
