// SPDX-License-Identifier: Apache-2.0
import {
  connectClient,
  interfaceSeen,
  type Lab,
  type LabNode,
  type Scenario,
  type ScenarioRun,
  waitFor,
} from "@nsm/lab";
import { type DaemonOfNode, daemonsOf, killDaemons, revive } from "./daemons.js";
import { equal, holds } from "./expect.js";
import {
  CONNECT_BOUND_MS,
  EXPIRY_BOUND_MS,
  expectCleanEnd,
  HEAL_ALL_BOUND_MS,
  HEAL_CP_BOUND_MS,
  healEnv,
  healed,
  ifindexOf,
  known,
  linkKinds,
  longestGapMs,
  lostSince,
  pathNames,
  type WatchedPair,
  watchedPair,
} from "./healing.js";

/** Links of a node with one end of a remote connection, or with both ends of a local one. */
const kindsOf = (pair: WatchedPair, node: LabNode): string[] =>
  pair.endpoint.nodeName === pair.clientNode.name
    ? ["veth", "veth"]
    : node.pods.size > 0
      ? ["veth", "vxlan"]
      : [];

const daemonsOfApp = (nodes: readonly LabNode[], app: string): DaemonOfNode[] =>
  nodes.map((node) => ({ node, app }));

async function restartAll(lab: Lab, daemons: readonly DaemonOfNode[]): Promise<void> {
  await killDaemons(daemons);
  await Promise.all(daemons.map((daemon) => revive(lab, daemon)));
}

/** Forwarders are killed and start again under their names: the data path stays, the connection comes back. */
async function forwardersDie(
  lab: Lab,
  pair: WatchedPair,
  nodes: readonly LabNode[],
  { note }: ScenarioRun,
): Promise<void> {
  const killedMs = performance.now();
  await restartAll(lab, daemonsOfApp(nodes, "forwarder"));
  const servingMs = performance.now();
  for (const node of nodes) await known(lab, node.forwarderUrl, `forwarder-${node.name}`, HEAL_CP_BOUND_MS);
  note(
    `${nodes.map(({ name }) => name).join(", ")}: ${Math.round(performance.now() - servingMs)} ms after SERVING`,
  );
  await healed(pair, HEAL_CP_BOUND_MS);
  for (const node of nodes) await linkKinds(node, kindsOf(pair, node), HEAL_CP_BOUND_MS);
  const lost = await lostSince(pair, killedMs);
  holds("at most 1 s lost", longestGapMs(pair, killedMs) <= 1000, { lost });
  note(`${lost} pings lost`);
}

/** Managers are killed and start again. */
async function managersDie(
  lab: Lab,
  pair: WatchedPair,
  nodes: readonly LabNode[],
  run: ScenarioRun,
): Promise<void> {
  const killedMs = performance.now();
  await restartAll(lab, daemonsOfApp(nodes, "nsmgr"));
  const servingMs = performance.now();
  for (const node of nodes) await known(lab, node.nsmgrUrl, `nsmgr-${node.name}`, HEAL_CP_BOUND_MS);
  run.note(
    `${nodes.map(({ name }) => name).join(", ")}: ${Math.round(performance.now() - servingMs)} ms after SERVING`,
  );
  await healed(pair, HEAL_CP_BOUND_MS);
  const names = ["nse-1", ...nodes.map(({ name }) => `forwarder-${name}`)];
  for (const node of nodes) {
    await waitFor(`${names.join(", ")} registered at ${node.name}`, HEAL_CP_BOUND_MS, async () => {
      const found = (await lab.probe.endpoints(node.nsmgrUrl)).map(({ name }) => name);
      return names.every((name) => found.includes(name)) ? true : undefined;
    });
  }
  equal("lost", await lostSince(pair, killedMs), 0);
}

/** The registry and one remote daemon die at once and start again. */
const withRegistry = (id: string, app: "forwarder" | "nsmgr"): Scenario => ({
  id,
  title: `registry and remote ${app} die at once and come back: the connection stays`,
  nodes: 2,
  env: healEnv,
  forms: ["full"],
  async run(lab) {
    const pair = await watchedPair(lab, lab.node(1), lab.node(2));
    await restartAll(lab, [
      { node: lab.node(1), app: "registry" },
      { node: lab.node(2), app },
    ]);
    const { forwarderUrl, nsmgrUrl } = lab.node(2);
    await known(lab, app === "nsmgr" ? nsmgrUrl : forwarderUrl, `${app}-node-2`, HEAL_CP_BOUND_MS);
    await healed(pair, HEAL_CP_BOUND_MS);
    await expectCleanEnd(lab, pair);
  },
});

/** Every daemon of the lab dies and all start again, in an order that the clock chooses. */
async function systemRestarts(lab: Lab, pair: WatchedPair, { note }: ScenarioRun): Promise<void> {
  const daemons = daemonsOf(lab);
  await killDaemons(daemons);
  const order = daemons.map((daemon) => ({ ...daemon, at: Math.random() })).sort((a, b) => a.at - b.at);
  note(`order: ${order.map(({ node, app }) => `${app} of ${node.name}`).join(", ")}`);
  for (const daemon of order) await revive(lab, daemon);
  for (const node of lab.nodes) {
    await known(lab, node.nsmgrUrl, `nsmgr-${node.name}`, HEAL_ALL_BOUND_MS);
    await known(lab, node.forwarderUrl, `forwarder-${node.name}`, HEAL_ALL_BOUND_MS);
  }
  await healed(pair, HEAL_ALL_BOUND_MS, false);
}

/** Daemons of the control plane die and come back. */
export const controlPlaneDeaths: readonly Scenario[] = [
  {
    id: "HEAL-03",
    title: "a forwarder killed and started again under its name keeps the connection and its links",
    nodes: 1,
    env: healEnv,
    async run(lab, run) {
      const pair = await watchedPair(lab, lab.node(1), lab.node(1));
      await forwardersDie(lab, pair, [lab.node(1)], run);
      await expectCleanEnd(lab, pair);
    },
  },
  {
    id: "HEAL-04",
    title: "the remote forwarder, and both at once, come back: one tunnel per connection on each node",
    nodes: 2,
    env: healEnv,
    forms: ["full"],
    async run(lab, run) {
      const pair = await watchedPair(lab, lab.node(1), lab.node(2));
      for (const nodes of [[lab.node(2)], lab.nodes]) await forwardersDie(lab, pair, nodes, run);
      await expectCleanEnd(lab, pair);
    },
  },
  {
    id: "HEAL-05",
    title: "managers killed and started again, local, remote and both: no packet is lost",
    nodes: 2,
    env: healEnv,
    async run(lab, run) {
      const pair = await watchedPair(lab, lab.node(1), lab.node(2));
      const rounds = [[lab.node(1)], [lab.node(2)], lab.nodes];
      for (const nodes of run.form === "full" ? rounds : [lab.nodes])
        await managersDie(lab, pair, nodes, run);
      await expectCleanEnd(lab, pair);
    },
  },
  {
    id: "HEAL-07",
    title: "a registry without memory is filled again: a new client connects, others stay for a token's life",
    nodes: 1,
    env: { NSM_MAX_TOKEN_LIFETIME: "2m" },
    timeoutMs: 240_000,
    forms: ["full"],
    async run(lab) {
      const node = lab.node(1);
      const pair = await watchedPair(lab, node, node, { NSM_CIDR_PREFIX: "172.16.1.100/28" });
      const service = "kernel://icmp-responder/nsm-1";
      const env = { NSM_LIVENESS_CHECK_ENABLED: "false" };
      const blind = await connectClient(lab, node, "nsc-2", service, CONNECT_BOUND_MS, env);
      pair.sampler.watch(blind.client);
      await node.daemons.get("registry")?.kill();
      await revive(lab, { node, app: "registry" });
      const restartedMs = performance.now();
      const third = await connectClient(lab, node, "nsc-3", service, 130_000);
      await new Promise((resolve) => setTimeout(resolve, 120_000 - (performance.now() - restartedMs)));
      equal("interface of the first client", await ifindexOf(pair.connected), pair.ifindex);
      equal("interface of the client without check", await ifindexOf(blind), blind.link.ifindex);
      equal("lost", await lostSince(pair, 0), 0);
      equal("lost without check", pair.sampler.samples("nsc-2").lost, 0);
      for (const { process } of [blind, third]) equal("exit code", await process.stop(), 0);
      await expectCleanEnd(lab, pair);
    },
  },
  {
    id: "HEAL-08",
    title: "all daemons die and start again in any order: local and remote connections come back",
    nodes: 2,
    env: healEnv,
    timeoutMs: 120_000,
    forms: ["full"],
    async run(lab, run) {
      const pair = await watchedPair(lab, lab.node(1), lab.node(2));
      await systemRestarts(lab, pair, run);
      await expectCleanEnd(lab, pair);
    },
  },
  withRegistry("HEAL-14", "forwarder"),
  withRegistry("HEAL-15", "nsmgr"),
  {
    id: "HEAL-25",
    title: "a forwarder replaced under another name takes the connection over although links still forward",
    nodes: 1,
    env: healEnv,
    async run(lab, run) {
      const node = lab.node(1);
      const pair = await watchedPair(lab, node, node);
      const killedMs = performance.now();
      await node.daemons.get("forwarder")?.kill();
      const forwarder = node.startForwarder({ NSM_NAME: "forwarder-new" });
      await lab.probe.serving(forwarder, node.forwarderUrl);
      const servingMs = performance.now();
      await waitFor("the path goes through the new forwarder", HEAL_CP_BOUND_MS, async () =>
        (await pathNames(lab, node)).includes("forwarder-new") ? true : undefined,
      );
      run.note(`taken over ${Math.round(performance.now() - servingMs)} ms after SERVING`);
      await healed(pair, HEAL_CP_BOUND_MS, false);
      run.note(`${await lostSince(pair, killedMs)} pings lost`);
      await linkKinds(node, ["veth", "veth"], EXPIRY_BOUND_MS);
      const name = /(missing: forwarder-node-1|left behind: forwarder-new)$/;
      await expectCleanEnd(lab, pair, { expected: [name] });
    },
  },
];

/** Clients die and come back. */
export const clientDeaths: readonly Scenario[] = [
  {
    id: "HEAL-24",
    title: "a client killed and started again under its name takes up its own connection",
    nodes: 1,
    env: healEnv,
    async run(lab) {
      const node = lab.node(1);
      const pair = await watchedPair(lab, node, node);
      const killedMs = performance.now();
      const [process] = pair.connected.client.processes;
      await process?.kill();
      const again = pair.connected.client.startNsc(["kernel://icmp-responder/nsm-1"], {
        NSM_LOG_FORMAT: "json",
      });
      await waitFor("connected again", CONNECT_BOUND_MS, () =>
        again.log().split("successfully connected").length > 2 ? true : undefined,
      );
      await healed(pair, HEAL_CP_BOUND_MS);
      equal("lost", await lostSince(pair, killedMs), 0);
      equal("connections of the manager", Object.keys(await lab.probe.connections(node.nsmgrUrl)).length, 1);
      const { endpoint } = pair;
      const links = await Promise.all(["nsm-1"].map((name) => interfaceSeen(endpoint, name)));
      holds("the endpoint's pool of one pair was enough", links.length === 1);
      await expectCleanEnd(lab, pair);
    },
  },
];
