// SPDX-License-Identifier: Apache-2.0
import {
  interfaceSeen,
  mustRun,
  type Pod,
  pingFrom,
  type ScenarioForm,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { leavesNothing } from "../scenarios/healing.js";
import { type InteropScenario, type Peer, peersName } from "./peers.js";

const BOUND_MS = 10_000;
/** Endpoint and client of a first pair. */
const ADDRESSES = [
  ["172.16.1.0", "172.16.1.1", "2001:db8:1::", "2001:db8:1::1"],
  ["172.16.2.0", "172.16.2.1", "2001:db8:2::", "2001:db8:2::1"],
] as const;

async function expectPings(client: Pod, endpoint: Pod, addresses: (typeof ADDRESSES)[number]): Promise<void> {
  const [endpoint4, client4, endpoint6, client6] = addresses;
  const seen = await Promise.all([
    pingFrom(client, endpoint4),
    pingFrom(client, endpoint6),
    pingFrom(endpoint, client4),
    pingFrom(endpoint, client6),
  ]);
  equal(
    `replies of 4 from ${endpoint4}, ${endpoint6} and back`,
    seen.map(({ received }) => received),
    [4, 4, 4, 4],
  );
}

const twoServices = (peers: readonly Peer[], forms?: readonly ScenarioForm[]): InteropScenario => ({
  id: `INTEROP-FEAT-05-${peersName(peers)}`,
  title: `one client has two services, each over IPv4 and IPv6; closing leaves nothing (${peers.join(", ")} in Go)`,
  nodes: 1,
  peers,
  ...(forms === undefined ? {} : { forms }),
  async run(lab) {
    const node = lab.node(1);
    await lab.startControlPlane();
    const before = await takeSnapshot(lab);
    const endpoints: Pod[] = [];
    for (const [index, service] of ["blue", "green"].entries()) {
      const pod = await node.addPod(`nse-${index + 1}`);
      const nse = pod.startNse({
        NSM_SERVICE_NAMES: service,
        NSM_CIDR_PREFIX: `[172.16.${index + 1}.0/24],[2001:db8:${index + 1}::/116]`,
        NSM_UNREGISTER_ITSELF: "true",
      });
      await lab.probe.registered(nse, node.nsmgrUrl, pod.name);
      endpoints.push(pod);
    }
    const client = await node.addPod("nsc-1");
    const nsc = client.startNsc(["kernel://blue/nsm-1", "kernel://green/nsm-2"], { NSM_LOG_FORMAT: "json" });
    await waitFor("both services are connected", BOUND_MS, () => {
      mustRun(nsc);
      return nsc.log().split("successfully connected").length > 2 ? true : undefined;
    });
    for (const [index, addresses] of ADDRESSES.entries()) {
      const link = await interfaceSeen(client, `nsm-${index + 1}`);
      equal(`addresses of nsm-${index + 1}`, link?.addresses, [`${addresses[1]}/32`, `${addresses[3]}/128`]);
      const [endpoint] = endpoints.slice(index);
      if (endpoint) await expectPings(client, endpoint, addresses);
    }
    equal("exit code of the client", await nsc.stop(), 0);
    for (const pod of [client, ...endpoints]) await pod.stop();
    await leavesNothing(lab, before, 3000);
  },
});

/** Several services of one client, both address families. */
export const services: readonly InteropScenario[] = [
  twoServices(["nsc"], ["full"]),
  twoServices(["nse-2"], ["full"]),
  twoServices(["nsmgr"], ["full"]),
  twoServices(["nsc", "nse", "nsmgr", "registry"], ["full"]),
];
