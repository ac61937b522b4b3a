// SPDX-License-Identifier: Apache-2.0
import {
  type Connected,
  connectClient,
  interfaceSeen,
  type Lab,
  pingFrom,
  type Scenario,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { revive } from "./daemons.js";
import { equal } from "./expect.js";
import { CONNECT_BOUND_MS, HEAL_CP_BOUND_MS, leavesNothing } from "./healing.js";

const RESTARTS = 15;
/** Between two restarts; upstream's is 60 s. */
const PAUSE_MS = { short: 1000, full: 10_000 };
const TOKEN_SECONDS = 120;

/** Every client has a route into the endpoint's network, and two pings over it are answered. */
async function allConnected(clients: readonly Connected[], after: string): Promise<void> {
  for (const { client } of clients) {
    await waitFor(`${client.name} is connected after ${after}`, HEAL_CP_BOUND_MS, async () => {
      const route = (await interfaceSeen(client, "nsm-1"))?.linkRoutes.find((to) =>
        to.startsWith("172.16.1."),
      );
      if (route === undefined) throw new Error("no route");
      const { received } = await pingFrom(client, route.replace(/\/.*$/, ""), { count: 2 });
      return received === 2 ? true : undefined;
    });
  }
}

async function restarts(lab: Lab, clients: readonly Connected[], pauseMs: number): Promise<void> {
  for (let i = 0; i < RESTARTS; i++) {
    const node = lab.node(1 + (i % lab.nodes.length));
    await revive(lab, { node, app: "forwarder" });
    await allConnected(clients, `restart ${i + 1} of a forwarder`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  for (let i = 0; i < RESTARTS; i++) {
    await Promise.all(lab.nodes.map((node) => revive(lab, { node, app: "forwarder" })));
    await allConnected(clients, `restart ${i + 1} of all forwarders`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Forwarders restart again and again. */
export const manyRestarts: readonly Scenario[] = [
  {
    id: "HEAL-22",
    title: "clients, also one that does not check its data path, are connected after each of 30 restarts",
    nodes: 2,
    timeoutMs: 800_000,
    forms: ["full"],
    env: { NSM_MAX_TOKEN_LIFETIME: `${TOKEN_SECONDS}s`, NSM_REQUEST_TIMEOUT: "5s" },
    async run(lab, { form }) {
      await lab.startControlPlane();
      const before = await takeSnapshot(lab);
      const endpoint = await lab.node(2).addPod("nse-1");
      const nse = endpoint.startNse({
        NSM_SERVICE_NAMES: "icmp-responder",
        NSM_CIDR_PREFIX: "172.16.1.0/24",
        NSM_UNREGISTER_ITSELF: "true",
      });
      await lab.probe.registered(nse, lab.node(2).nsmgrUrl, "nse-1");
      const service = "kernel://icmp-responder/nsm-1";
      const blind = { NSM_LIVENESS_CHECK_ENABLED: "false" };
      const clients = [
        await connectClient(lab, lab.node(1), "nsc-remote", service, CONNECT_BOUND_MS),
        await connectClient(lab, lab.node(2), "nsc-local", service, CONNECT_BOUND_MS),
        await connectClient(lab, lab.node(1), "nsc-blind", service, CONNECT_BOUND_MS, blind),
      ];
      await restarts(lab, clients, PAUSE_MS[form]);
      for (const { process } of clients) equal("exit code of a client", await process.stop(), 0);
      for (const pod of lab.nodes.flatMap((node) => [...node.pods.values()])) await pod.stop();
      await leavesNothing(lab, before, (TOKEN_SECONDS + 5) * 1000);
    },
  },
];
