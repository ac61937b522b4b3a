// SPDX-License-Identifier: Apache-2.0
import {
  type Connected,
  connectClient,
  type Lab,
  type LabNode,
  leftBehind,
  type Pod,
  pingBothWays,
  type Snapshot,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { equal, holds } from "./expect.js";

/** A client and an endpoint with the pool of the catalogue: endpoint .100, client .101. */
export interface Pair {
  readonly endpoint: Pod;
  readonly connected: Connected;
  /** Taken before the endpoint was started. */
  readonly before: Snapshot;
}

const POOL = "172.16.1.100/31";
export const CLIENT_ADDRESS = "172.16.1.101/32";
export const ENDPOINT_ADDRESS = "172.16.1.100/32";

/** Starts an endpoint on one node and a client on another (or the same) and waits for the connection. */
export async function connectPair(
  lab: Lab,
  clientNode: LabNode,
  endpointNode: LabNode,
  boundMs: number,
  endpointEnv: Readonly<Record<string, string>> = {},
): Promise<Pair> {
  await lab.startControlPlane();
  const before = await takeSnapshot(lab);
  const endpoint = await endpointNode.addPod("nse-1");
  const nse = endpoint.startNse({
    NSM_SERVICE_NAMES: "icmp-responder",
    NSM_CIDR_PREFIX: POOL,
    NSM_UNREGISTER_ITSELF: "true",
    ...endpointEnv,
  });
  await lab.probe.registered(nse, endpointNode.nsmgrUrl, "nse-1");
  const connected = await connectClient(lab, clientNode, "nsc-1", "kernel://icmp-responder/nsm-1", boundMs);
  return { endpoint, connected, before };
}

/** IFACE of the client: exactly the address and the route of the catalogue. */
export function expectClientInterface({ connected }: Pair): void {
  equal("client addresses", connected.link.addresses, [CLIENT_ADDRESS]);
  equal("client link routes", connected.link.linkRoutes, [ENDPOINT_ADDRESS]);
  holds("client interface is up", connected.link.up);
}

/** BIDI: at first three of four replies, then all. */
export async function expectPings({ connected, endpoint }: Pair): Promise<void> {
  const first = await pingBothWays(connected, endpoint);
  holds(
    "first pings: at least 3 of 4 both ways",
    first.forward.received >= 3 && first.back.received >= 3,
    first,
  );
  const second = await pingBothWays(connected, endpoint);
  equal("replies of 4 both ways", [second.forward.received, second.back.received], [4, 4]);
}

/** K3 of the client, then CLEAN. The endpoint's link must be gone while the endpoint still runs. */
export async function expectCleanStop(lab: Lab, { connected, endpoint, before }: Pair): Promise<void> {
  equal("exit code of the client", await connected.process.stop(), 0);
  await waitFor("the endpoint's link is gone", 3000, async () => {
    const after = await takeSnapshot(lab);
    const links = after.kernel[endpoint.name]?.filter(
      (line) => line.startsWith("link ") && !line.includes(" lo "),
    );
    return links?.length === 0 ? true : undefined;
  });
  for (const pod of lab.nodes.flatMap((node) => [...node.pods.values()])) await pod.stop();
  equal("left behind", await leftBehind(lab, before), []);
}
