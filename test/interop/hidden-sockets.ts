// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { connectClient, type Pod, type ScenarioForm, takeSnapshot } from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { expectCleanStop, expectClientInterface, expectPings } from "../scenarios/pair.js";
import { type InteropScenario, type Peer, peersName } from "./peers.js";

const BOUND_MS = 5000;
const HIDDEN = "/run/hidden";

/** A folder that only the pod's own mount namespace shows: what is there is reached through descriptors or not at all. */
function hideFolder(pod: Pod): void {
  const script = `mkdir -p ${HIDDEN} && mount -t tmpfs -o mode=755 tmpfs ${HIDDEN}`;
  const { command, args } = pod.holder.enter("sh", ["-ec", script]);
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`cannot hide ${HIDDEN}: ${stderr}`);
}

const hiddenSocket = (peers: readonly Peer[], forms?: readonly ScenarioForm[]): InteropScenario => ({
  id: `INTEROP-FD-01-${peersName(peers)}`,
  title: `an endpoint whose socket only its own pod sees is reached through its descriptor (${peers.join(", ")} in Go)`,
  nodes: 1,
  peers,
  ...(forms === undefined ? {} : { forms }),
  async run(lab) {
    const node = lab.node(1);
    await lab.startControlPlane();
    const before = await takeSnapshot(lab);
    const endpoint = await node.addPod("nse-1");
    hideFolder(endpoint);
    const nse = endpoint.startNse({
      NSM_CIDR_PREFIX: "172.16.1.100/31",
      NSM_UNREGISTER_ITSELF: "true",
      TMPDIR: HIDDEN,
    });
    await lab.probe.registered(nse, node.nsmgrUrl, "nse-1");
    const connected = await connectClient(lab, node, "nsc-1", "kernel://icmp-responder/nsm-1", BOUND_MS);
    const pair = { endpoint, connected, before };
    expectClientInterface(pair);
    await expectPings(pair);
    equal("path", connected.path.names, ["nsc-1", "nsmgr-node-1", "forwarder-node-1", "nse-1"]);
    await expectCleanStop(lab, pair);
  },
});

/** Sockets of endpoints beside the bytes, in every direction between Go and ours. */
export const hiddenSockets: readonly InteropScenario[] = [
  hiddenSocket(["nse"]),
  hiddenSocket(["nsmgr"]),
  hiddenSocket(["nse", "nsmgr"], ["full"]),
];
