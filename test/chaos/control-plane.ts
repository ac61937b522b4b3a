// SPDX-License-Identifier: Apache-2.0
import { type Lab, type LabNode, type Scenario, type ScenarioRun, waitFor } from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { Mesh } from "./mesh.js";

/** HEAL-CP: from the restarted component SERVING. */
const CONTROL_PLANE_BOUND_MS = 10_000;
const CONNECT_BOUND_MS = 15_000;
/** Life of tokens: connections of dead clients expire so late. */
const TOKEN_SECONDS = 12;

/** The mesh of the catalogue, or a fifth of it in short form. */
export async function startMesh(lab: Lab, { form, options }: ScenarioRun): Promise<Mesh> {
  const mesh = await Mesh.start(lab, {
    clients: form === "full" ? 20 : 4,
    endpointsPerService: form === "full" ? 2 : 1,
    repository: options.repository,
    sampler: form === "full" ? { intervalMs: 1000, timeoutMs: 1000 } : { intervalMs: 100, timeoutMs: 500 },
  });
  await mesh.connect(CONNECT_BOUND_MS);
  return mesh;
}

/** Waits until the restarted forwarders hold as many connections as before. */
async function forwardersKnowAll(lab: Lab, nodes: readonly LabNode[], before: ReadonlyMap<LabNode, number>) {
  for (const node of nodes) {
    await waitFor(`the forwarder of ${node.name} knows its connections`, CONTROL_PLANE_BOUND_MS, async () => {
      const known = Object.keys(await lab.probe.connections(node.forwarderUrl)).length;
      if (known < (before.get(node) ?? 0)) throw new Error(`${known} of ${before.get(node)}`);
      return true;
    });
  }
}

async function connectionCounts(lab: Lab): Promise<Map<LabNode, number>> {
  const counts = new Map<LabNode, number>();
  for (const node of lab.nodes)
    counts.set(node, Object.keys(await lab.probe.connections(node.forwarderUrl)).length);
  return counts;
}

/** Every link is the one from before. */
async function expectStable(mesh: Mesh, before: Awaited<ReturnType<Mesh["links"]>>): Promise<void> {
  equal("links of the clients", [...(await mesh.links())], [...before]);
}

/** CHAOS-4, CHAOS-6 and their kin: daemons of the nodes die and come back. */
export const controlPlaneKills: readonly Scenario[] = [
  {
    id: "CHAOS-4",
    title: "killed forwarders, one, the other and both, take their links up again and no packet is lost",
    nodes: 2,
    timeoutMs: 180_000,
    env: { NSM_MAX_TOKEN_LIFETIME: `${TOKEN_SECONDS}s` },
    async run(lab, run) {
      const mesh = await startMesh(lab, run);
      const rounds = [[lab.node(1)], [lab.node(2)], lab.nodes];
      for (const nodes of run.form === "full" ? rounds : [lab.nodes]) {
        const before = await mesh.links();
        const counts = await connectionCounts(lab);
        const killedMs = performance.now();
        for (const node of nodes) await node.daemons.get("forwarder")?.kill();
        for (const node of nodes) {
          const forwarder = await node.restart("forwarder");
          await lab.probe.serving(forwarder, node.forwarderUrl);
        }
        const servingMs = performance.now();
        await forwardersKnowAll(lab, nodes, counts);
        run.note(`repaired ${Math.round(performance.now() - servingMs)} ms after SERVING`);
        await expectStable(mesh, before);
        await mesh.sampler.settled();
        equal("lost", await lostSince(mesh, killedMs), 0);
      }
      await mesh.stop();
    },
  },
  {
    id: "CHAOS-6",
    title: "killed managers come back: no packet is lost, endpoints and forwarders are registered again",
    nodes: 2,
    timeoutMs: 180_000,
    env: { NSM_MAX_TOKEN_LIFETIME: `${TOKEN_SECONDS}s` },
    async run(lab, run) {
      const mesh = await startMesh(lab, run);
      for (const node of lab.nodes) {
        const before = await mesh.links();
        const registered = (await lab.probe.endpoints(lab.registryUrl)).map(({ name }) => name).sort();
        const killedMs = performance.now();
        const nsmgr = await node.restart("nsmgr");
        await lab.probe.serving(nsmgr, node.nsmgrUrl);
        await waitFor("endpoints and forwarders are registered", CONTROL_PLANE_BOUND_MS, async () => {
          const names = (await lab.probe.endpoints(node.nsmgrUrl)).map(({ name }) => name).sort();
          const missing = registered.filter((name) => !names.includes(name));
          if (missing.length > 0) throw new Error(`not registered: ${missing.join(", ")}`);
          return true;
        });
        await waitFor("the manager knows its connections", CONTROL_PLANE_BOUND_MS, async () => {
          const known = Object.values(await lab.probe.connections(node.nsmgrUrl)).map(
            ({ path }) => path?.pathSegments[0]?.name ?? "",
          );
          const missing = mesh.clients.filter(
            (client) => client.node === node && !known.includes(client.name),
          );
          if (missing.length > 0) throw new Error(`unknown: ${missing.map(({ name }) => name).join(", ")}`);
          return true;
        });
        await expectStable(mesh, before);
        await mesh.sampler.settled();
        equal("lost", await lostSince(mesh, killedMs), 0);
      }
      await mesh.stop();
    },
  },
];

/** Pings that were lost since some moment, over all clients. */
async function lostSince(mesh: Mesh, sinceMs: number): Promise<number> {
  return mesh.sampler.names.reduce((sum, name) => sum + mesh.sampler.samples(name, sinceMs).lost, 0);
}
