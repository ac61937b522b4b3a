// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Lab, type LabNode, partition, type Scenario, type ScenarioRun, waitFor } from "@nsm/lab";
import { holds } from "../scenarios/expect.js";
import type { Mesh } from "./mesh.js";
import {
  EXPIRY_BOUND_MS,
  knownClients,
  knowsClients,
  meshEnv,
  meshScenario,
  pass,
  startMesh,
} from "./mesh-run.js";

const PARTITION_MS = 30_000;
const AFTER_BOUND_MS = 15_000;
/** Requests per second and client that count as a storm. */
const STORM_PER_SECOND = 10;
const CLOCK_STEP_MS = 600_000;

const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** Fails when a client sent ten Requests or more per second since `before`. */
async function expectNoStorm(mesh: Mesh, before: Record<string, number>, seconds: number): Promise<number> {
  const now = await mesh.traffic();
  const rates = mesh.clients.map(({ name }) => {
    const key = `requests.${name}`;
    return { name, perSecond: ((now[key] ?? 0) - (before[key] ?? 0)) / seconds };
  });
  const stormy = rates.filter(({ perSecond }) => perSecond >= STORM_PER_SECOND);
  holds("no request storm", stormy.length === 0, stormy);
  holds("one Request in flight per connection", (now["requests.inFlightMost"] ?? 0) <= 1, now);
  return Math.max(...rates.map(({ perSecond }) => perSecond));
}

/** Clients of a node whose endpoint is on the other node. */
async function remoteClients(mesh: Mesh): Promise<string[]> {
  const links = await mesh.links();
  return mesh.clients
    .filter(({ name, node }) => mesh.endpointOf(links.get(name))?.node !== node)
    .map(({ name }) => name);
}

/** Cuts a node off for 30 s; local connections notice nothing, remote ones come back. */
async function partitionedFor(lab: Lab, mesh: Mesh, node: LabNode, run: ScenarioRun): Promise<void> {
  const remote = await remoteClients(mesh);
  const local = mesh.clients.map(({ name }) => name).filter((name) => !remote.includes(name));
  const before = await mesh.traffic();
  const cutMs = performance.now();
  const lift = await partition(lab.fabric, Number(node.name.replace(/\D+/, "")));
  const lengthMs = run.form === "full" ? PARTITION_MS : 5000;
  try {
    await pass(lengthMs);
    const most = await expectNoStorm(mesh, before, lengthMs / 1000);
    run.note(`at most ${most.toFixed(2)} Requests per second and client while ${node.name} was cut off`);
  } finally {
    await lift();
  }
  const liftedMs = performance.now();
  await mesh.allAnswer(AFTER_BOUND_MS, "all clients answer after the partition");
  run.note(`all answer ${Math.round(performance.now() - liftedMs)} ms after it was lifted`);
  const perFault = await expectNoStorm(mesh, before, (performance.now() - cutMs) / 1000);
  run.note(`at most ${perFault.toFixed(2)} Requests per second and client until all answered`);
  await mesh.expectNoLoss(cutMs, local);
}

/** Until each daemon holds one connection per client that goes through it, and no abandoned one. */
async function nothingAbandoned(lab: Lab, mesh: Mesh): Promise<void> {
  for (const node of lab.nodes) {
    const url = node.forwarderUrl;
    await knowsClients(
      lab,
      url,
      mesh.clients.filter((client) => client.node === node),
    );
    await waitFor(`${node.name} holds no abandoned connection`, EXPIRY_BOUND_MS + 10_000, async () => {
      const known = await knownClients(lab, url);
      const links = await mesh.links();
      const wanted = mesh.clients
        .filter(({ name, node: own }) => own === node || mesh.endpointOf(links.get(name))?.node === node)
        .map(({ name }) => name)
        .sort();
      if (known.join() !== wanted.join()) throw new Error(`holds ${known.join()}, wanted ${wanted.join()}`);
      return true;
    });
  }
}

/** Drops a share of a node's packets in both directions, with nft. @returns ends it */
function dropShare(node: LabNode, percent: number): () => void {
  const nft = (rules: string): void => {
    const { command, args } = node.holder.enter("nft", ["-f", "-"]);
    const { status, stderr } = spawnSync(command, args, { input: rules, encoding: "utf8" });
    if (status !== 0) throw new Error(`nft: ${stderr}`);
  };
  nft(`table netdev chaos {
    chain in { type filter hook ingress device eth0 priority 0; numgen random mod 100 < ${percent} drop; }
  }`);
  return () => nft("delete table netdev chaos");
}

async function randomLoss(mesh: Mesh, node: LabNode, run: ScenarioRun): Promise<void> {
  if (!has("nft")) {
    run.note("20 % random loss was left out: there is no nft here");
    return;
  }
  const links = await mesh.links();
  const before = await mesh.traffic();
  const seconds = run.form === "full" ? 60 : 10;
  const stop = dropShare(node, 20);
  await pass(seconds * 1000).finally(stop);
  await mesh.allAnswer(AFTER_BOUND_MS);
  const now = await mesh.links();
  const moved = mesh.clients.filter(({ name }) => now.get(name)?.ifindex !== links.get(name)?.ifindex);
  run.note(`${moved.length} of ${mesh.clients.length} clients were connected anew under 20 % loss`);
  await expectNoStorm(mesh, before, seconds);
  const perMinute = (moved.length / mesh.clients.length) * (60 / seconds);
  holds("at most one false reselect per minute and client", perMinute <= 1, moved.length);
}

/** Sets the clock of a node's daemons and pods; the machine's stays. */
function stepClock(lab: Lab, node: LabNode, offsetMs: number): void {
  const path = node.holder.path("/run/clock-offset");
  if (offsetMs === 0) rmSync(path, { force: true });
  else writeFileSync(path, String(offsetMs));
  const names = [...node.daemons.values(), ...[...node.pods.values()].flatMap(({ processes }) => processes)];
  for (const process of lab.processes) if (names.includes(process)) process.signal("SIGWINCH");
}

async function clockStep(lab: Lab, mesh: Mesh, node: LabNode, run: ScenarioRun): Promise<void> {
  const before = await mesh.traffic();
  const lengthMs = run.form === "full" ? 60_000 : 8000;
  stepClock(lab, node, CLOCK_STEP_MS);
  await pass(lengthMs);
  const most = await expectNoStorm(mesh, before, lengthMs / 1000);
  run.note(`at most ${most.toFixed(2)} Requests per second and client while the clock was ahead`);
  stepClock(lab, node, 0);
  await mesh.allAnswer(AFTER_BOUND_MS);
  await nothingAbandoned(lab, mesh);
}

/** Packets get lost, clocks are wrong. */
export const networkFaults = (repository: string): readonly Scenario[] => [
  meshScenario({
    id: "HEAL-27",
    forms: ["full"],
    title: "a node cut off for a while: no request storm, all connections come back, nothing abandoned stays",
    async run(lab, run) {
      const mesh = await startMesh(lab, run, { remote: true });
      await partitionedFor(lab, mesh, lab.node(2), run);
      await nothingAbandoned(lab, mesh);
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
  meshScenario({
    id: "CHAOS-11",
    title: "partition, random loss and a clock ten minutes ahead on one node are survived without a storm",
    timeoutMs: 400_000,
    env: {
      ...meshEnv,
      NODE_OPTIONS: `--import=${join(repository, "test", "chaos", "preload.mjs")}`,
    },
    async run(lab, run) {
      const mesh = await startMesh(lab, run, { endpointsPerService: 2 });
      await partitionedFor(lab, mesh, lab.node(1), run);
      await nothingAbandoned(lab, mesh);
      await randomLoss(mesh, lab.node(2), run);
      await clockStep(lab, mesh, lab.node(2), run);
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
];
