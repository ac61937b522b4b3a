// SPDX-License-Identifier: Apache-2.0
import type { Scenario } from "@nsm/lab";
import { daemonsOf, killDaemons, revive } from "../scenarios/daemons.js";
import { equal } from "../scenarios/expect.js";
import {
  CONNECT_BOUND_MS,
  CONTROL_PLANE_BOUND_MS,
  EXPIRY_BOUND_MS,
  extraClient,
  knownClients,
  knowsClients,
  meshScenario,
  pass,
  registered,
  startMesh,
} from "./mesh-run.js";

const REGISTRY_GONE_MS = 180_000;
const RETURN_BOUND_MS = 5000;

const namesOf = (endpoints: readonly { name: string }[]): string[] => endpoints.map(({ name }) => name);

/** Daemons of the nodes and the registry die and come back. */
export const controlPlaneKills: readonly Scenario[] = [
  meshScenario({
    id: "CHAOS-4",
    forms: ["short", "full"],
    title: "killed forwarders, one, the other and both, take their links up again and no packet is lost",
    async run(lab, run) {
      const mesh = await startMesh(lab, run);
      const rounds = [[lab.node(1)], [lab.node(2)], lab.nodes];
      for (const nodes of run.form === "full" ? rounds : [lab.nodes]) {
        const links = await mesh.links();
        const known = await Promise.all(nodes.map((node) => knownClients(lab, node.forwarderUrl)));
        const killedMs = performance.now();
        const victims = nodes.map((node) => ({ node, app: "forwarder" }));
        await killDaemons(victims);
        await Promise.all(victims.map((daemon) => revive(lab, daemon)));
        const servingMs = performance.now();
        for (const [i, node] of nodes.entries()) {
          await knowsClients(lab, node.forwarderUrl, known[i]?.map((name) => ({ name })) ?? []);
        }
        run.note(`repaired ${Math.round(performance.now() - servingMs)} ms after SERVING`);
        await mesh.expectStable(links);
        await mesh.expectNoLoss(killedMs);
      }
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
  meshScenario({
    id: "CHAOS-6",
    forms: ["short", "full"],
    title: "killed managers come back: no packet is lost, endpoints and forwarders are registered again",
    async run(lab, run) {
      const mesh = await startMesh(lab, run);
      for (const node of lab.nodes) {
        const links = await mesh.links();
        const names = namesOf(await lab.probe.endpoints(lab.registryUrl));
        const killedMs = performance.now();
        await revive(lab, { node, app: "nsmgr" });
        const servingMs = performance.now();
        await registered(lab, node.nsmgrUrl, names, CONTROL_PLANE_BOUND_MS);
        await knowsClients(
          lab,
          node.nsmgrUrl,
          mesh.clients.filter((client) => client.node === node),
        );
        run.note(`repaired ${Math.round(performance.now() - servingMs)} ms after SERVING`);
        await mesh.expectStable(links);
        await mesh.expectNoLoss(killedMs);
      }
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
  meshScenario({
    id: "CHAOS-7",
    title: "without a registry connections go on and close; new ones wait and come soon after its return",
    timeoutMs: 400_000,
    async run(lab, run) {
      const mesh = await startMesh(lab, run);
      const links = await mesh.links();
      const names = namesOf(await lab.probe.endpoints(lab.registryUrl));
      const killedMs = performance.now();
      const node = lab.node(1);
      await revive(lab, { node, app: "registry" });
      await registered(lab, lab.registryUrl, names, CONTROL_PLANE_BOUND_MS);

      await node.daemons.get("registry")?.kill();
      const waiting = extraClient(mesh, "nsc-waiting", REGISTRY_GONE_MS + CONNECT_BOUND_MS);
      const [closing, ...others] = mesh.clients;
      await pass(run.form === "full" ? REGISTRY_GONE_MS / 2 : 1000);
      await mesh.disconnect(RETURN_BOUND_MS, closing ? [closing] : []);
      await pass(run.form === "full" ? REGISTRY_GONE_MS / 2 : 1000);
      await revive(lab, { node, app: "registry" });
      const servingMs = performance.now();
      const connected = await waiting;
      const afterMs = performance.now() - servingMs;
      run.note(`waiting client connected ${Math.round(afterMs)} ms after the registry served`);
      equal("connected in time", afterMs < RETURN_BOUND_MS, true);
      await mesh.expectNoLoss(killedMs);
      const now = await mesh.links();
      for (const { name } of others) equal(`link of ${name}`, now.get(name), links.get(name));
      await connected.process.stop();
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
  meshScenario({
    id: "CHAOS-13",
    title: "everything is killed at once and starts again in a random order: one connection per client",
    async run(lab, run) {
      const mesh = await startMesh(lab, run);
      const daemons = daemonsOf(lab);
      await killDaemons(daemons);
      const order = daemons.map((daemon) => ({ ...daemon, at: Math.random() })).sort((a, b) => a.at - b.at);
      run.note(`order: ${order.map(({ node, app }) => `${app}-${node.name}`).join(", ")}`);
      for (const daemon of order) await revive(lab, daemon);
      const servingMs = performance.now();
      for (const node of lab.nodes) {
        const own = mesh.clients.filter((client) => client.node === node);
        await knowsClients(lab, node.nsmgrUrl, own, 30_000);
        await knowsClients(lab, node.forwarderUrl, own, 30_000);
      }
      await mesh.allAnswer(30_000);
      run.note(`repaired ${Math.round(performance.now() - servingMs)} ms after the last SERVING`);
      // What nobody asks for any more expires
      await pass(EXPIRY_BOUND_MS);
      for (const node of lab.nodes) {
        const known = (await knownClients(lab, node.nsmgrUrl)).filter((name) =>
          mesh.clients.some((client) => client.name === name && client.node === node),
        );
        equal("one connection per client", known.length, new Set(known).size);
      }
      await mesh.allAnswer(1000);
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
];
