// SPDX-License-Identifier: Apache-2.0
import { partition, withRouteSocket } from "@nsm/lab";
import { daemonsOf, killDaemons, revive } from "../scenarios/daemons.js";
import type { Mesh, MeshEndpoint } from "./mesh.js";
import { CONTROL_PLANE_BOUND_MS, EXPIRY_BOUND_MS, pass } from "./mesh-run.js";
import type { Random } from "./random.js";

/** Something that goes wrong, and ends. */
export interface ChaosAction {
  readonly name: string;
  /** How often it is chosen, relative to the others. */
  readonly weight: number;
  /**
   * Does it and what ends it: everything is alive and reachable again when it resolves.
   * @returns what was done to whom, for the log
   */
  run(mesh: Mesh, random: Random): Promise<string>;
}

async function killAndRevive(mesh: Mesh, random: Random, app: string, downMs: number): Promise<string> {
  const { lab } = mesh;
  const node = app === "registry" ? lab.node(1) : random.pick(lab.nodes);
  await killDaemons([{ node, app }]);
  await pass(downMs);
  await revive(lab, { node, app });
  return `${app} of ${node.name}, down for ${Math.round(downMs)} ms`;
}

const daemonKill = (app: string, weight: number): ChaosAction => ({
  name: `kill ${app}`,
  weight,
  run: (mesh, random) => killAndRevive(mesh, random, app, random.next() ** 2 * 5000),
});

async function endpointReplaced(mesh: Mesh, endpoint: MeshEndpoint): Promise<string> {
  await mesh.killEndpoint(endpoint);
  await mesh.reviveEndpoint(endpoint);
  return endpoint.name;
}

/** Kills an endpoint's process (K1), starts it again in the same pod and waits until it is registered. */
export async function restartEndpoint(mesh: Mesh, endpoint: MeshEndpoint): Promise<void> {
  await endpoint.process.kill();
  endpoint.process = mesh.startNse(endpoint.pod, endpoint);
  await mesh.lab.probe.registered(endpoint.process, endpoint.node.nsmgrUrl, endpoint.name);
}

/** Everything that the random mode and the soak do. */
const actions: readonly ChaosAction[] = [
  daemonKill("forwarder", 3),
  daemonKill("nsmgr", 3),
  daemonKill("registry", 2),
  {
    name: "kill several daemons at once",
    weight: 1,
    async run(mesh, random) {
      const { lab } = mesh;
      const daemons = daemonsOf(lab);
      const victims = random.shuffled(daemons).slice(0, 2 + random.integer(daemons.length - 1));
      await killDaemons(victims);
      for (const daemon of random.shuffled(victims)) await revive(lab, daemon);
      return victims.map(({ node, app }) => `${app} of ${node.name}`).join(", ");
    },
  },
  {
    name: "kill an endpoint's pod",
    weight: 2,
    run: (mesh, random) => endpointReplaced(mesh, random.pick(mesh.endpoints)),
  },
  {
    name: "kill an endpoint's process",
    weight: 2,
    async run(mesh, random) {
      const endpoint = random.pick(mesh.endpoints);
      await restartEndpoint(mesh, endpoint);
      return endpoint.name;
    },
  },
  {
    name: "a client's link down",
    weight: 2,
    async run(mesh, random) {
      const { pod, name } = random.pick(mesh.clients);
      await withRouteSocket(pod.holder.netnsPath, (route) => route.linkSet("nsm-1", { up: false })).catch(
        () => {},
      );
      return name;
    },
  },
  {
    name: "partition",
    weight: 1,
    async run(mesh, random) {
      const index = 1 + random.integer(mesh.lab.nodes.length);
      const lift = await partition(mesh.lab.fabric, index);
      const ms = 500 + random.integer(8000);
      await pass(ms).finally(lift);
      return `node-${index} for ${ms} ms`;
    },
  },
  {
    name: "a daemon stands still",
    weight: 1,
    async run(mesh, random) {
      const node = random.pick(mesh.lab.nodes);
      const app = random.pick([...node.daemons.keys()]);
      const daemon = node.daemons.get(app);
      const ms = 500 + random.integer(6000);
      daemon?.signal("SIGSTOP");
      await pass(ms).finally(() => daemon?.signal("SIGCONT"));
      return `${app} of ${node.name} for ${ms} ms`;
    },
  },
  {
    name: "clients close and come back",
    weight: 2,
    async run(mesh, random) {
      const chosen = random.shuffled(mesh.clients).slice(0, 1 + random.integer(5));
      // A Close that meets a dead daemon leaves the link until the token has expired
      await mesh.disconnect(EXPIRY_BOUND_MS, chosen);
      await mesh.connect(2 * CONTROL_PLANE_BOUND_MS, chosen);
      return chosen.map(({ name }) => name).join(", ");
    },
  },
];

/** Chooses by weight. */
export function chooseAction(random: Random, from: readonly ChaosAction[] = actions): ChaosAction {
  let rest = random.next() * from.reduce((sum, { weight }) => sum + weight, 0);
  for (const action of from) {
    rest -= action.weight;
    if (rest < 0) return action;
  }
  return random.pick(from);
}
