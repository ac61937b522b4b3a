// SPDX-License-Identifier: Apache-2.0
import { realClock, silentLogger } from "@nsm/core";
import { DevelopmentCa, serveWorkloadApi, type WorkloadApiServer } from "@nsm/identity/development-ca";
import {
  interfaceSeen,
  type Lab,
  type LabProcess,
  mustRun,
  type Pod,
  pingFrom,
  Skip,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { leavesNothing } from "../scenarios/healing.js";
import { type InteropScenario, type Peer, peersName } from "./peers.js";

const SERVICE = "kernel://icmp-responder/nsm-1";
const BOUND_MS = 8000;
const FOREIGN = "other.nsm";
/** Other bundles mean other channels between the daemons; those from before wait 30 s for calls. */
const IDLE_CHANNELS_BOUND_MS = 40_000;

async function startEndpoint(lab: Lab): Promise<Pod> {
  const node = lab.node(1);
  const pod = await node.addPod("nse-1");
  const nse = pod.startNse({ NSM_CIDR_PREFIX: "172.16.1.100/31", NSM_UNREGISTER_ITSELF: "true" });
  await lab.probe.registered(nse, node.nsmgrUrl, "nse-1");
  return pod;
}

/** Waits until a running process has written a text so often. */
const says = (process: LabProcess, text: string, times: number): Promise<boolean> =>
  waitFor(`${process.name} writes "${text}" ${times} times`, BOUND_MS, () => {
    mustRun(process);
    return process.log().split(text).length > times ? true : undefined;
  });

const expiredTokens = (peers: readonly Peer[]): InteropScenario => ({
  id: `INTEROP-SEC-01-${peersName(peers)}`,
  title: `a client whose tokens have expired is refused and goes on trying (${peers.join(", ")} in Go)`,
  nodes: 1,
  forms: ["full"],
  peers,
  async run(lab) {
    await lab.startControlPlane();
    const endpoint = await startEndpoint(lab);
    const before = await takeSnapshot(lab);
    const pod = await lab.node(1).addPod("nsc-1");
    const client = pod.startNsc([SERVICE], { NSM_MAX_TOKEN_LIFETIME: "-1m", NSM_LOG_FORMAT: "json" });
    await says(client, "no sufficient privileges", 3);
    equal("interface of the client", await interfaceSeen(pod, "nsm-1"), undefined);
    equal("exit code of the client", await client.stop(), 0);
    await pod.stop();
    await leavesNothing(lab, before, 3000);
    await endpoint.stop();
  },
});

/** Gives a pod an identity of another authority, which believes ours. */
async function foreignIdentity(lab: Lab, pod: Pod): Promise<{ ca: DevelopmentCa; api: WorkloadApiServer }> {
  if (!lab.identity) throw new Skip("this lab has no identities");
  const ca = new DevelopmentCa({ trustDomain: FOREIGN, clock: realClock });
  ca.federateWith(lab.identity.ca);
  const socketPath = pod.holder.path("/run/spire/sockets/foreign.sock");
  const spiffeId = `spiffe://${FOREIGN}/ns/default/pod/${pod.name}`;
  const workloads = [{ socketPath, spiffeId }];
  return { ca, api: await serveWorkloadApi({ ca, workloads, clock: realClock, log: silentLogger }) };
}

const federation = (peers: readonly Peer[]): InteropScenario => ({
  id: `INTEROP-SEC-06-${peersName(peers)}`,
  title: `clients of another trust domain are refused, and served once it is federated (${peers.join(", ")} in Go)`,
  nodes: 1,
  timeoutMs: 90_000,
  forms: ["full"],
  peers,
  async run(lab) {
    await lab.startControlPlane();
    const endpoint = await startEndpoint(lab);
    const before = await takeSnapshot(lab);
    const pod = await lab.node(1).addPod("nsc-1");
    const { ca, api } = await foreignIdentity(lab, pod);
    try {
      const client = pod.startNsc([SERVICE], {
        SPIFFE_ENDPOINT_SOCKET: "unix:///run/spire/sockets/foreign.sock",
        NSM_DIAL_TIMEOUT: "1s",
        NSM_REQUEST_TIMEOUT: "1s",
        NSM_LOG_FORMAT: "json",
      });
      await says(client, "cannot connect", 2);
      equal("interface of the client", await interfaceSeen(pod, "nsm-1"), undefined);
      lab.identity?.ca.federateWith(ca);
      await says(client, "successfully connected", 1);
      equal("replies of 4", (await pingFrom(pod, "172.16.1.100")).received, 4);
      equal("exit code of the client", await client.stop(), 0);
    } finally {
      await api.stop();
    }
    await pod.stop();
    await leavesNothing(lab, before, IDLE_CHANNELS_BOUND_MS);
    await endpoint.stop();
  },
});

/** Tokens and identities that are refused. */
export const interopSecurity: readonly InteropScenario[] = [
  expiredTokens(["nsc"]),
  expiredTokens(["nsmgr"]),
  federation(["nsc"]),
  federation(["nsmgr"]),
  federation(["nsc", "nse", "nsmgr", "registry"]),
];
