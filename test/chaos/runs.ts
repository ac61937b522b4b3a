// SPDX-License-Identifier: Apache-2.0
import { type Scenario, takeSnapshot } from "@nsm/lab";
import { daemonsOf, killDaemons, revive } from "../scenarios/daemons.js";
import { equal } from "../scenarios/expect.js";
import { chooseAction, restartEndpoint } from "./actions.js";
import { AddressOwners } from "./address-owners.js";
import { cleanAgain } from "./clean.js";
import { Invariants } from "./invariants.js";
import { Mesh } from "./mesh.js";
import { CONNECT_BOUND_MS, EXPIRY_BOUND_MS, meshScenario, pass, startMesh } from "./mesh-run.js";
import { Random } from "./random.js";

/** Everything must answer again so soon after the last thing was repaired (HEAL-08). */
const HEALED_BOUND_MS = 30_000;
const KILLS_TOKEN_MS = 10_000;

/** A line of progress. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`);

const clockText = (startMs: number): string =>
  `${((performance.now() - startMs) / 1000).toFixed(0).padStart(5)} s`;

/** The random mode: the same seed chooses the same actions. */
export const randomRun = (seed: number, minutes: number): Scenario =>
  meshScenario({
    id: "RANDOM",
    title: `random faults for ${minutes} min, seed ${seed}`,
    async run(lab, run) {
      const random = new Random(seed);
      const mesh = await startMesh(lab, { ...run, form: "full" });
      const invariants = new Invariants(mesh);
      invariants.start();
      const startMs = performance.now();
      let count = 0;
      try {
        while (performance.now() - startMs < minutes * 60_000 && !run.ending.aborted) {
          const action = chooseAction(random);
          count += 1;
          const what = await action.run(mesh, random);
          const repairedMs = performance.now();
          // Half of the faults come while the last one is still being repaired
          if (random.next() < 0.5) {
            await mesh.allAnswer(HEALED_BOUND_MS);
            say(
              `${clockText(startMs)}  ${count}. ${action.name}: ${what}; all answer after ${Math.round(performance.now() - repairedMs)} ms`,
            );
          } else {
            await pass(random.next() * 2000);
            say(`${clockText(startMs)}  ${count}. ${action.name}: ${what}`);
          }
          equal("violated invariants", invariants.violations, []);
        }
        await mesh.allAnswer(HEALED_BOUND_MS);
        await pass(EXPIRY_BOUND_MS);
      } finally {
        await invariants.stop();
      }
      equal("violated invariants", invariants.violations, []);
      run.note(`${count} faults, invariants looked at ${invariants.looks} times`);
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  });

/** Kills one of all daemons and endpoints, and starts it again. @returns its name */
async function killOne(mesh: Mesh, random: Random): Promise<string> {
  const { lab } = mesh;
  const victim = random.pick([...daemonsOf(lab), ...mesh.endpoints]);
  if ("cidr" in victim) {
    await restartEndpoint(mesh, victim);
    return victim.name;
  }
  await killDaemons([victim]);
  await revive(lab, victim);
  return `${victim.app}-${victim.node.name}`;
}

/** SIGKILL of random daemons during bursts of Requests; no address may have two owners, each burst ends with CLEAN. */
export const killsRun = (kills: number, seed: number): Scenario =>
  meshScenario({
    id: "KILLS",
    title: `${kills} daemons killed during bursts of requests, seed ${seed}`,
    env: { NSM_MAX_TOKEN_LIFETIME: `${KILLS_TOKEN_MS / 1000}s`, NSM_REQUEST_TIMEOUT: "3s" },
    async run(lab, run) {
      const random = new Random(seed);
      const mesh = await Mesh.start(lab, {
        clients: 20,
        endpointsPerService: 2,
        repository: run.options.repository,
        sampler: { intervalMs: 500, timeoutMs: 500 },
      });
      const idle = await takeSnapshot(lab);
      const owners = new AddressOwners(mesh);
      owners.start();
      const startMs = performance.now();
      let killed = 0;
      try {
        for (let burst = 1; killed < kills && !run.ending.aborted; burst++) {
          const victims: string[] = [];
          const connecting = mesh.connect(HEALED_BOUND_MS + CONNECT_BOUND_MS);
          connecting.catch(() => {});
          for (let i = 0, most = 1 + random.integer(4); i < most && killed < kills; i++) {
            await pass(random.next() * 600);
            victims.push(await killOne(mesh, random));
            killed += 1;
          }
          const tookMs = await connecting;
          await mesh.disconnect(HEALED_BOUND_MS);
          const closedMs = performance.now();
          equal(`left behind by burst ${burst}`, await cleanAgain(lab, idle, KILLS_TOKEN_MS + 5000), []);
          const cleanMs = performance.now() - closedMs;
          say(
            `${clockText(startMs)}  ${killed}/${kills} kills, burst ${burst}: ${victims.join(", ")}; ` +
              `20 connected after ${Math.round(tookMs)} ms, clean after ${Math.round(cleanMs)} ms`,
          );
          equal("addresses with two owners", owners.shared, []);
        }
      } finally {
        await owners.stop();
      }
      run.note(`${killed} kills in ${clockText(startMs).trim()}, addresses looked at ${owners.looks} times`);
      await mesh.stop(KILLS_TOKEN_MS + 5000);
    },
  });
