// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { interfaceSeen, type Lab, type LabNode, type Scenario, takeSnapshot } from "@nsm/lab";
import { killDaemons, revive } from "../scenarios/daemons.js";
import { equal } from "../scenarios/expect.js";
import { SPOIL_FILE, type Spoil } from "./chaos-forwarder.js";
import { cleanAgain } from "./clean.js";
import { Mesh } from "./mesh.js";
import { CONNECT_BOUND_MS, CONTROL_PLANE_BOUND_MS, EXPIRY_BOUND_MS, meshScenario, pass } from "./mesh-run.js";

/** Replaces the forwarders of all nodes by ones whose kernel can be spoiled. */
export async function startChaosForwarders(lab: Lab, repository: string): Promise<void> {
  const script = join(repository, "test", "chaos", "dist", "world.mjs");
  for (const node of lab.nodes) {
    await node.daemons.get("forwarder")?.stop();
    const forwarder = node.startForwarder({ NSM_CHAOS_ROLE: "forwarder" }, script);
    await lab.probe.serving(forwarder, node.forwarderUrl);
    await lab.probe.registered(forwarder, node.nsmgrUrl, `forwarder-${node.name}`);
  }
}

/** Tells a node's chaos forwarder what is to go wrong from now on. */
export const spoilKernel = (node: LabNode, spoil: Spoil): void =>
  writeFileSync(node.holder.path(SPOIL_FILE), JSON.stringify(spoil));

/** Every client has a whole link: up, an address, the route to its endpoint. */
async function expectWhole(mesh: Mesh): Promise<void> {
  const broken: string[] = [];
  for (const { name, pod } of mesh.clients) {
    const seen = await interfaceSeen(pod, "nsm-1");
    const whole = seen?.up === true && seen.addresses.length === 1 && seen.linkRoutes.length === 1;
    if (!whole) broken.push(`${name}: ${JSON.stringify(seen)}`);
  }
  equal("half-configured links", broken, []);
}

/** The forwarder dies between the steps of building. */
export const buildingKills: readonly Scenario[] = [
  meshScenario({
    id: "CHAOS-5",
    title: "a forwarder killed while it builds leaves no half-configured link: the request is repeated",
    async run(lab, { form, options, note }) {
      const mesh = await Mesh.start(lab, {
        clients: form === "full" ? 20 : 4,
        endpointsPerService: 2,
        repository: options.repository,
        sampler: { intervalMs: 500, timeoutMs: 1000 },
      });
      await startChaosForwarders(lab, options.repository);
      const idle = await takeSnapshot(lab);
      const rounds = form === "full" ? 10 : 2;
      for (let round = 0; round < rounds; round++) {
        for (const node of lab.nodes) spoilKernel(node, { delayMs: 60 });
        const connecting = mesh.connect(CONNECT_BOUND_MS + CONTROL_PLANE_BOUND_MS);
        connecting.catch(() => {});
        // Each connection takes a dozen steps: the moments go through all of them
        await pass(200 + (round * 1500) / rounds);
        const victims = lab.nodes
          .filter((_node, i) => (round + i) % 3 !== 2)
          .map((node) => ({ node, app: "forwarder" }));
        await killDaemons(victims);
        for (const node of lab.nodes) spoilKernel(node, {});
        await Promise.all(victims.map((daemon) => revive(lab, daemon)));
        const tookMs = await connecting;
        await mesh.allAnswer(CONTROL_PLANE_BOUND_MS);
        await expectWhole(mesh);
        note(`round ${round + 1}: all connected after ${Math.round(tookMs)} ms`);
        await mesh.disconnect(CONTROL_PLANE_BOUND_MS);
        equal("left behind", await cleanAgain(lab, idle, EXPIRY_BOUND_MS), []);
      }
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
];
