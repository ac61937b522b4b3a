// SPDX-License-Identifier: Apache-2.0
import { NetworkService } from "@nsm/api";
import type { Lab, LabNode, Scenario } from "@nsm/lab";
import { revive } from "./daemons.js";
import { equal } from "./expect.js";
import {
  expectCleanEnd,
  HEAL_CP_BOUND_MS,
  HEAL_DP_BOUND_MS,
  healEnv,
  healed,
  killPod,
  linkKinds,
  lostSince,
  movedTo,
  pathNames,
  silent,
  startReplacement,
  type WatchedPair,
  watchedPair,
} from "./healing.js";
import { registryUser } from "./peers/raw-registry.js";

/** The endpoint's pod dies; nothing answers until another endpoint comes, and then that one does. */
async function endpointDies(lab: Lab, endpointNode: LabNode, env = {}): Promise<WatchedPair> {
  const pair = await watchedPair(lab, lab.node(1), endpointNode, env);
  await killPod(endpointNode, pair.endpoint);
  await silent(pair);
  const replacement = await startReplacement(lab, endpointNode, env);
  await movedTo(pair, replacement, HEAL_DP_BOUND_MS);
  return pair;
}

async function remoteEndpointDies(lab: Lab, payload: "ETHERNET" | "IP"): Promise<void> {
  const pair = await endpointDies(lab, lab.node(2), { NSM_PAYLOAD: payload });
  for (const node of lab.nodes) await linkKinds(node, ["veth", "vxlan"], HEAL_DP_BOUND_MS);
  await expectCleanEnd(lab, pair);
}

/** Endpoints die, alone and together with what connects them. */
export const endpointDeaths: readonly Scenario[] = [
  {
    id: "HEAL-01",
    title: "a client whose endpoint's pod is gone moves to another endpoint of its node",
    nodes: 1,
    env: healEnv,
    async run(lab) {
      await expectCleanEnd(lab, await endpointDies(lab, lab.node(1)));
    },
  },
  {
    id: "HEAL-02",
    title: "a client whose remote endpoint's pod is gone moves to another one; the former tunnel is gone",
    nodes: 2,
    env: healEnv,
    run: (lab) => remoteEndpointDies(lab, "ETHERNET"),
  },
  {
    id: "HEAL-02-ip",
    title: "the same with payload IP",
    nodes: 2,
    env: healEnv,
    forms: ["full"],
    run: (lab) => remoteEndpointDies(lab, "IP"),
  },
  {
    id: "HEAL-06",
    title: "when the remote manager is gone for good the client moves to an endpoint of its own node",
    nodes: 2,
    env: healEnv,
    forms: ["full"],
    async run(lab) {
      const pair = await watchedPair(lab, lab.node(1), lab.node(2));
      equal("hops before", (await pathNames(lab, lab.node(1))).length, 6);
      await lab.node(2).daemons.get("nsmgr")?.kill();
      await killPod(lab.node(2), pair.endpoint);
      const replacement = await startReplacement(lab, lab.node(1));
      await movedTo(pair, replacement, 15_000);
      equal("hops afterwards", (await pathNames(lab, lab.node(1))).length, 4);
      await linkKinds(lab.node(1), ["veth", "veth"], HEAL_DP_BOUND_MS);
      // Its registration cannot be renewed without a manager
      await expectCleanEnd(lab, pair, { expected: [/missing: forwarder-node-2/, /nsmgr.*: missing/] });
    },
  },
  {
    id: "HEAL-13",
    title: "registry and endpoint die at once: the client moves when both are replaced",
    nodes: 1,
    env: healEnv,
    forms: ["full"],
    async run(lab) {
      const node = lab.node(1);
      const pair = await watchedPair(lab, node, node);
      await Promise.all([node.daemons.get("registry")?.kill(), killPod(node, pair.endpoint)]);
      await revive(lab, { node, app: "registry" });
      // The registry has forgotten the service, and the manager has not who registered it: a service of several
      // endpoints is registered by whoever runs them, as in Kubernetes
      const operator = registryUser(lab.processIdentity("operator"), lab.registryUrl);
      const service = NetworkService.create({ name: "icmp-responder", payload: "ETHERNET" });
      equal("the service is registered", await operator.registerService(service), "OK");
      const replacement = await startReplacement(lab, node);
      await movedTo(pair, replacement, HEAL_CP_BOUND_MS);
      equal("the service is unregistered", await operator.unregisterService(service), "OK");
      await operator.stop();
      await expectCleanEnd(lab, pair);
    },
  },
  {
    id: "HEAL-16",
    title: "remote manager and remote endpoint die at once: the client moves when both are replaced",
    nodes: 2,
    env: healEnv,
    forms: ["full"],
    async run(lab) {
      const node = lab.node(2);
      const pair = await watchedPair(lab, lab.node(1), node);
      await Promise.all([node.daemons.get("nsmgr")?.kill(), killPod(node, pair.endpoint)]);
      await revive(lab, { node, app: "nsmgr" });
      const replacement = await startReplacement(lab, node);
      await movedTo(pair, replacement, HEAL_CP_BOUND_MS);
      await expectCleanEnd(lab, pair);
    },
  },
  {
    id: "HEAL-26",
    title: "an endpoint killed and started again keeps its clients; under another name only once pings fail",
    nodes: 1,
    env: healEnv,
    forms: ["full"],
    async run(lab) {
      const node = lab.node(1);
      const pair = await watchedPair(lab, node, node);
      const killedMs = performance.now();
      await pair.endpoint.processes[0]?.kill();
      const again = pair.endpoint.startNse({
        NSM_SERVICE_NAMES: "icmp-responder",
        NSM_CIDR_PREFIX: "172.16.1.100/31",
        NSM_UNREGISTER_ITSELF: "true",
      });
      await lab.probe.registered(again, node.nsmgrUrl, "nse-1");
      await healed(pair, HEAL_CP_BOUND_MS);
      equal("lost", await lostSince(pair, killedMs), 0);

      const otherMs = performance.now();
      await again.kill();
      const replacement = await startReplacement(lab, node);
      // Twice the time in which a dead data path is noticed
      await new Promise((resolve) => setTimeout(resolve, 3000));
      await healed(pair, 1000);
      equal("lost while the former endpoint's link answers", await lostSince(pair, otherMs), 0);
      await killPod(node, pair.endpoint);
      await movedTo(pair, replacement, HEAL_DP_BOUND_MS);
      await expectCleanEnd(lab, pair);
    },
  },
];
