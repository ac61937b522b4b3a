// SPDX-License-Identifier: Apache-2.0
import {
  connectClient,
  interfaceSeen,
  type Lab,
  mtuSeen,
  type Scenario,
  waitFor,
  withRouteSocket,
} from "@nsm/lab";
import { equal, holds } from "./expect.js";
import {
  CLIENT_ADDRESS,
  connectPair,
  ENDPOINT_ADDRESS,
  expectCleanStop,
  expectClientInterface,
  expectPings,
  type Pair,
} from "./pair.js";

const LOCAL_BOUND_MS = 5000;
const REMOTE_BOUND_MS = 8000;

/** IFACE of the endpoint: the one link that is not loopback. */
async function expectEndpointInterface({ endpoint }: Pair): Promise<void> {
  const links = await withRouteSocket(endpoint.holder.netnsPath, (route) => route.links());
  const [link, ...others] = links.filter(({ name }) => name !== "lo");
  equal(
    "other links of the endpoint",
    others.map(({ name }) => name),
    [],
  );
  const seen = await interfaceSeen(endpoint, link?.name ?? "");
  equal("endpoint addresses", seen?.addresses, [ENDPOINT_ADDRESS]);
  equal("endpoint link routes", seen?.linkRoutes, [CLIENT_ADDRESS]);
}

/** VNI of every vxlan link by node. */
async function vnis(lab: Lab): Promise<number[][]> {
  return await Promise.all(
    lab.nodes.map(async (node) => {
      const links = await withRouteSocket(node.holder.netnsPath, (route) => route.links());
      return links.flatMap((link) => (link.vxlan ? [link.vxlan.vni] : []));
    }),
  );
}

/** Two nodes over VXLAN, with one payload. */
async function remotePair(lab: Lab, payload: "ETHERNET" | "IP"): Promise<void> {
  const pair = await connectPair(lab, lab.node(1), lab.node(2), REMOTE_BOUND_MS, { NSM_PAYLOAD: payload });
  expectClientInterface(pair);
  await expectEndpointInterface(pair);
  await expectPings(pair);
  equal("path", pair.connected.path.names, [
    "nsc-1",
    "nsmgr-node-1",
    "forwarder-node-1",
    "nsmgr-node-2",
    "forwarder-node-2",
    "nse-1",
  ]);
  equal("payload", pair.connected.path.connection.payload, payload);
  const seen = await mtuSeen(pair.connected.client, "nsm-1", "172.16.1.100");
  equal("MTU", seen, { mtuBytes: 1446, fitting: 2, tooLong: 0 });
  const [first, second] = await vnis(lab);
  equal("one VNI on node 1", first?.length, 1);
  equal("the same VNI on node 2", second, first);
  await expectCleanStop(lab, pair);
}

/** The mechanism matrix. */
export const useCases: readonly Scenario[] = [
  {
    id: "UC-01",
    title: "a client and an endpoint of one node are joined by veth and leave nothing behind",
    nodes: 1,
    async run(lab) {
      const pair = await connectPair(lab, lab.node(1), lab.node(1), LOCAL_BOUND_MS);
      expectClientInterface(pair);
      await expectEndpointInterface(pair);
      await expectPings(pair);
      equal("path", pair.connected.path.names, ["nsc-1", "nsmgr-node-1", "forwarder-node-1", "nse-1"]);
      equal("exit code of the first client", await pair.connected.process.stop(), 0);
      const again = await connectClient(
        lab,
        lab.node(1),
        "nsc-2",
        "kernel://icmp-responder/nsm-1",
        LOCAL_BOUND_MS,
      );
      equal("the pool's only pair is given again", again.link.addresses, [CLIENT_ADDRESS]);
      await expectCleanStop(lab, { ...pair, connected: again });
    },
  },
  {
    id: "UC-02",
    title: "clients and endpoints of two nodes are joined over VXLAN, payload Ethernet",
    nodes: 2,
    run: (lab) => remotePair(lab, "ETHERNET"),
  },
  {
    id: "UC-03",
    title: "clients and endpoints of two nodes are joined over VXLAN, payload IP",
    nodes: 2,
    run: (lab) => remotePair(lab, "IP"),
  },
];

/** Daemons as an operator sees them. */
export const observability: readonly Scenario[] = [
  {
    id: "OBS-04",
    title: "every daemon answers gRPC health while it runs and not afterwards; an idle endpoint goes away",
    nodes: 1,
    async run(lab) {
      await lab.startControlPlane();
      const node = lab.node(1);
      const registries = ["registry.NetworkServiceRegistry", "registry.NetworkServiceEndpointRegistry"];
      const services = ["networkservice.NetworkService", "connection.MonitorConnection"];
      const forwarderUrl = new URL(
        `unix://${node.holder.path("/var/lib/networkservicemesh/forwarder.sock")}`,
      );
      const expected: [URL, string[]][] = [
        [lab.registryUrl, registries],
        [node.nsmgrUrl, [...registries, ...services]],
        [forwarderUrl, services],
      ];
      for (const [url, names] of expected) {
        for (const name of ["", ...names])
          equal(`health of "${name}" on ${url.href}`, await lab.probe.health(url, name), "SERVING");
      }
      await node.daemons.get("forwarder")?.stop();
      equal("health after shutdown", await lab.probe.health(forwarderUrl), "UNAVAILABLE");
      const pod = await node.addPod("nse-idle");
      const idle = pod.startNse({
        NSM_IDLE_TIMEOUT: "2s",
        NSM_UNREGISTER_ITSELF: "true",
        NSM_CIDR_PREFIX: "172.16.1.0/24",
      });
      await lab.probe.registered(idle, node.nsmgrUrl, "nse-idle");
      await waitFor("the idle endpoint has ended", 3500, () => (idle.running ? undefined : true));
      equal("exit code of the idle endpoint", await idle.exited, 0);
    },
  },
  {
    id: "OBS-05",
    title:
      "SIGUSR1 raises a daemon's log level to TRACE and SIGUSR2 sets the configured one, without restart",
    nodes: 1,
    async run(lab) {
      await lab.startControlPlane();
      const nsmgr = lab.node(1).daemons.get("nsmgr");
      if (!nsmgr) throw new Error("no manager runs");
      const traced = (): number =>
        nsmgr
          .log()
          .split("\n")
          .filter((line) => line.includes("[TRAC]")).length;
      equal("trace lines at the configured level", traced(), 0);
      nsmgr.signal("SIGUSR1");
      await waitFor("trace lines after SIGUSR1", 3000, async () => {
        await lab.probe.endpoints(lab.node(1).nsmgrUrl);
        return traced() > 0 ? true : undefined;
      });
      nsmgr.signal("SIGUSR2");
      await waitFor("no trace lines after SIGUSR2", 3000, async () => {
        const before = traced();
        await lab.probe.endpoints(lab.node(1).nsmgrUrl);
        return traced() === before ? true : undefined;
      });
      holds("the manager runs on", nsmgr.running);
    },
  },
];
