// SPDX-License-Identifier: Apache-2.0
import { partition, pathSeen, type Scenario, type ScenarioRun, waitFor } from "@nsm/lab";
import { killDaemons, revive } from "../scenarios/daemons.js";
import { CONTROL_PLANE_BOUND_MS, knowsClients, meshScenario, pass } from "./mesh-run.js";
import { type Bed, testBed } from "./recovery-bed.js";
import { type FaultRow, type Measured, recoveryPage } from "./recovery-page.js";
import { say } from "./runs.js";

const PARTITION_MS = 5000;
/** How long a fault is watched that nothing repairs but the client itself. */
const HEAL_BOUND_MS = 20_000;

/** A fault, how it is mended, and when it counts as repaired. */
export interface Fault extends FaultRow {
  /** On a connection inside a node, or over two. */
  readonly bed: "local" | "remote";
  /**
   * Does the fault and waits until the control plane is repaired.
   * @returns `performance.now` of the moment from which the repair is counted, and of the repair
   */
  run(bed: Bed): Promise<{ fromMs: number; repairedMs: number }>;
}

const knownAgain = async (
  bed: Bed,
  url: URL,
  fromMs: number,
): Promise<{ fromMs: number; repairedMs: number }> => {
  await knowsClients(bed.lab, url, [{ name: bed.client.name }], CONTROL_PLANE_BOUND_MS);
  return { fromMs, repairedMs: performance.now() };
};

/** The client's path ends at the other endpoint. */
async function movedOn(
  bed: Bed,
  former: string,
  fromMs: number,
): Promise<{ fromMs: number; repairedMs: number }> {
  await waitFor(`${bed.client.name} has left ${former}`, HEAL_BOUND_MS, async () => {
    const seen = await pathSeen(bed.lab, bed.clientNode, `${bed.client.name}-0`);
    const last = seen?.names.at(-1);
    return last !== undefined && last !== former ? true : undefined;
  });
  return { fromMs, repairedMs: performance.now() };
}

/** Daemons of some nodes die (K1) and start again at once. */
const restarted = (
  event: string,
  bed: Fault["bed"],
  app: "nsmgr" | "forwarder" | "registry",
  whose: (bed: Bed) => readonly Bed["clientNode"][],
  target: FaultRow["target"],
): Fault => ({
  event,
  bed,
  counted: "SERVING",
  target,
  async run(it) {
    const nodes = whose(it);
    const victims = nodes.map((node) => ({ node, app }));
    await killDaemons(victims);
    await Promise.all(victims.map((daemon) => revive(it.lab, daemon)));
    const servingMs = performance.now();
    if (app === "registry") {
      const names = [it.endpoint().name, ...it.lab.nodes.map(({ name }) => `forwarder-${name}`)];
      await waitFor("everybody is registered again", CONTROL_PLANE_BOUND_MS, async () => {
        const found = (await it.lab.probe.endpoints(it.lab.registryUrl)).map(({ name }) => name);
        return names.every((name) => found.includes(name)) ? true : undefined;
      });
      return { fromMs: servingMs, repairedMs: performance.now() };
    }
    for (const node of nodes) {
      await knownAgain(it, app === "nsmgr" ? node.nsmgrUrl : node.forwarderUrl, servingMs);
    }
    return { fromMs: servingMs, repairedMs: performance.now() };
  },
});

const endpointGone = (bed: Fault["bed"]): Fault => ({
  event: "endpoint K2: its pod is gone, another endpoint exists",
  bed,
  counted: "the event",
  target: { seconds: 1 },
  async run(it) {
    const { name } = it.endpoint();
    const fromMs = performance.now();
    await it.killEndpoint();
    return await movedOn(it, name, fromMs);
  },
});

const endpointRestarted = (bed: Fault["bed"]): Fault => ({
  event: "endpoint K1 and restart under its name",
  bed,
  counted: "its registration",
  target: { lost: 0 },
  async run(it) {
    const fromMs = await it.restartEndpoint();
    await it.endpointKnowsClient();
    return { fromMs, repairedMs: performance.now() };
  },
});

const endpointLinkDown = (bed: Fault["bed"]): Fault => ({
  event: "endpoint's link down",
  bed,
  counted: "the event",
  target: { seconds: 1 },
  async run(it) {
    const fromMs = performance.now();
    await it.endpointLinkDown();
    await it.answering(HEAL_BOUND_MS, fromMs);
    return { fromMs, repairedMs: performance.now() };
  },
});

const cutOff = (
  event: string,
  bed: Fault["bed"],
  node: (it: Bed) => number,
  target: FaultRow["target"],
): Fault => ({
  event: `${event} K4: cut off for ${PARTITION_MS / 1000} s`,
  bed,
  counted: "the end of the partition",
  target,
  async run(it) {
    const lift = await partition(it.lab.fabric, node(it));
    await pass(PARTITION_MS).finally(lift);
    const fromMs = performance.now();
    await it.answering(HEAL_BOUND_MS, fromMs);
    await knowsClients(it.lab, it.clientNode.nsmgrUrl, [{ name: it.client.name }], CONTROL_PLANE_BOUND_MS);
    return { fromMs, repairedMs: performance.now() };
  },
});

const clientRestarted = (bed: Fault["bed"]): Fault => ({
  event: "client K1 and restart under its name",
  bed,
  counted: "the restart",
  target: { lost: 0 },
  async run(it) {
    const fromMs = await it.restartClient();
    return { fromMs, repairedMs: performance.now() };
  },
});

const AT_ONCE = { lost: 0, controlSeconds: 0.5 };
const FORWARDER = { lost: 0, controlSeconds: 2 };

/** Rows of the page, in their order. */
const faults: readonly Fault[] = [
  endpointGone("local"),
  endpointGone("remote"),
  endpointLinkDown("local"),
  endpointLinkDown("remote"),
  endpointRestarted("local"),
  endpointRestarted("remote"),
  clientRestarted("local"),
  clientRestarted("remote"),
  restarted("forwarder K1 and restart", "local", "forwarder", (it) => [it.clientNode], FORWARDER),
  restarted("client's forwarder K1 and restart", "remote", "forwarder", (it) => [it.clientNode], FORWARDER),
  restarted(
    "endpoint's forwarder K1 and restart",
    "remote",
    "forwarder",
    (it) => [it.endpointNode],
    FORWARDER,
  ),
  restarted(
    "both forwarders K1 and restart",
    "remote",
    "forwarder",
    (it) => [it.clientNode, it.endpointNode],
    FORWARDER,
  ),
  restarted("manager K1 and restart", "local", "nsmgr", (it) => [it.clientNode], AT_ONCE),
  restarted("client's manager K1 and restart", "remote", "nsmgr", (it) => [it.clientNode], AT_ONCE),
  restarted("endpoint's manager K1 and restart", "remote", "nsmgr", (it) => [it.endpointNode], AT_ONCE),
  restarted(
    "both managers K1 and restart",
    "remote",
    "nsmgr",
    (it) => [it.clientNode, it.endpointNode],
    AT_ONCE,
  ),
  restarted("registry K1 and restart", "local", "registry", (it) => [it.lab.node(1)], { lost: 0 }),
  restarted("registry K1 and restart", "remote", "registry", (it) => [it.lab.node(1)], { lost: 0 }),
  cutOff("registry's node", "local", () => 1, { lost: 0 }),
  cutOff("registry's node", "remote", () => 1, { lost: 0 }),
  cutOff("the connection's only node", "local", (it) => it.numberOf(it.clientNode), { lost: 0 }),
  cutOff("client's node", "remote", (it) => it.numberOf(it.clientNode), { controlSeconds: 2 }),
  cutOff("endpoint's node", "remote", (it) => it.numberOf(it.endpointNode), { controlSeconds: 2 }),
];

async function measure(bed: Bed, fault: Fault): Promise<Measured> {
  await bed.ready();
  const startMs = performance.now();
  const { fromMs, repairedMs } = await fault.run(bed);
  await bed.answering(HEAL_BOUND_MS, performance.now());
  // What the repair of the control plane costs the data path shows soon after it
  await pass(1000);
  const { lost, gaps } = await bed.samples(startMs);
  const longestMs = Math.max(0, ...gaps.map(({ durationMs }) => durationMs));
  return { lost, seconds: longestMs / 1000, controlSeconds: Math.max(0, repairedMs - fromMs) / 1000 };
}

/** Measures every fault so often and writes docs/recovery.md. */
export const recoveryRun = (rounds: number): Scenario =>
  meshScenario({
    id: "RECOVERY",
    title: `recovery of connections, ${rounds} times each`,
    nodes: 3,
    env: {}, // as deployed: the short-lived tokens of other meshes would expire during a partition
    async run(lab, run: ScenarioRun) {
      await lab.startControlPlane();
      const measured = new Map<Fault, Measured[]>();
      for (const kind of ["local", "remote"] as const) {
        const bed = await testBed(lab, kind);
        for (const fault of faults.filter(({ bed: wanted }) => wanted === kind)) {
          const results: Measured[] = [];
          measured.set(fault, results);
          for (let round = 0; round < rounds && !run.ending.aborted; round++)
            results.push(await measure(bed, fault));
          const worst = results.reduce((a, b) => (b.seconds >= a.seconds ? b : a));
          say(
            `${kind}: ${fault.event}: worst of ${results.length}: ${worst.lost} lost, ${worst.seconds.toFixed(2)} s; ` +
              `repaired ${Math.max(...results.map(({ controlSeconds }) => controlSeconds)).toFixed(2)} s after ${fault.counted}`,
          );
        }
        await bed.end();
      }
      const { page, missed } = recoveryPage(
        faults.map((fault) => ({ ...fault, results: measured.get(fault) ?? [] })),
        rounds,
      );
      process.stdout.write(`${JSON.stringify({ page })}\n`);
      for (const line of missed) run.note(`missed: ${line}`);
    },
  });
