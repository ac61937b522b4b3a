// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import type { Scenario } from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { chooseAction } from "./actions.js";
import { Invariants } from "./invariants.js";
import { meshScenario, pass, startMesh } from "./mesh-run.js";
import { Random } from "./random.js";
import { say } from "./runs.js";
import { type Growth, Series } from "./series.js";
import { takeSample } from "./soak-sample.js";

const TOKEN_SECONDS = 30;
const ACTION_EVERY_MS = 60_000;
const HEALED_BOUND_MS = 30_000;
const WARM_UP_MS = 600_000;
const AVAILABILITY = 0.99;
/** Pings that a client may lose in runs too short for that share: two repairs. */
const FEW_PINGS = 10;

/** Slopes that are still none: what a window of samples can tell from nothing. */
const bounds: Readonly<Record<string, Growth>> = {
  descriptors: { perHour: 0, noise: 2 },
  heapMiB: { perHour: 2, noise: 3 },
  surplusTimers: { perHour: 0, noise: 3 },
  surplusLinks: { perHour: 0, noise: 0.5 },
  addresses: { perHour: 0, noise: 0.5 },
  routes: { perHour: 0, noise: 0.5 },
  rules: { perHour: 0, noise: 0.5 },
  registrations: { perHour: 0, noise: 0.5 },
  surplusConnections: { perHour: 0, noise: 0.5 },
};

/** LOAD-S for a long time with a random fault every minute. */
export const soakRun = (repository: string, minutes: number, seed: number): Scenario =>
  meshScenario({
    id: "SOAK-1",
    title: `${minutes} min of load with a fault every minute, seed ${seed}: nothing grows, clients are connected`,
    env: {
      NSM_MAX_TOKEN_LIFETIME: `${TOKEN_SECONDS}s`,
      NSM_REQUEST_TIMEOUT: "5s",
      NODE_OPTIONS: `--import=${join(repository, "test", "chaos", "preload.mjs")}`,
    },
    async run(lab, run) {
      const random = new Random(seed);
      const mesh = await startMesh(
        lab,
        { ...run, form: "full" },
        { sampler: { intervalMs: 1000, timeoutMs: 1000 } },
      );
      const invariants = new Invariants(mesh, (TOKEN_SECONDS + 5) * 1000);
      invariants.start();
      const startMs = performance.now();
      const series = new Series();
      const endMs = startMs + minutes * 60_000;
      const warmMs = startMs + Math.min(WARM_UP_MS, (minutes * 60_000) / 4);
      let faults = 0;
      try {
        while (performance.now() < endMs && !run.ending.aborted) {
          const roundMs = performance.now();
          const action = chooseAction(random);
          const what = await action.run(mesh, random);
          faults += 1;
          await mesh.allAnswer(HEALED_BOUND_MS);
          const healedMs = performance.now() - roundMs;
          await pass(Math.max(0, ACTION_EVERY_MS - healedMs));
          const sample = await takeSample(mesh);
          if (performance.now() >= warmMs) series.add(performance.now(), sample);
          const minute = Math.round((performance.now() - startMs) / 60_000);
          say(`${String(minute).padStart(4)} min  ${action.name}: ${what}; ${sampleText(sample)}`);
          equal("violated invariants", invariants.violations, []);
        }
      } finally {
        await invariants.stop();
      }
      await mesh.sampler.settled();
      const wrong: string[] = [];
      for (const { name, growth, perHour } of series.growths()) {
        const bound = bounds[name.replace(/^.* /, "")];
        if (!bound) continue;
        const grows = perHour > bound.perHour && growth > bound.noise;
        if (grows)
          wrong.push(`${name} grows by ${perHour.toFixed(2)} per hour, by ${growth.toFixed(2)} in all`);
      }
      const availability = mesh.sampler.names.map((name) => {
        const { sent, lost } = mesh.sampler.samples(name);
        return { name, lost, share: 1 - lost / sent };
      });
      const worst = availability.reduce((a, b) => (b.share < a.share ? b : a));
      run.note(`${faults} faults; least available client ${worst.name}: ${(worst.share * 100).toFixed(2)} %`);
      for (const line of series.text(Object.keys(bounds))) run.note(line);
      for (const { name, lost, share } of availability) {
        if (share < AVAILABILITY && lost > FEW_PINGS)
          wrong.push(`${name} was connected ${(share * 100).toFixed(2)} % of the time`);
      }
      wrong.push(...unhandled(lab.processes));
      equal("what is wrong after the soak", wrong, []);
      await mesh.stop((TOKEN_SECONDS + 5) * 1000);
    },
  });

const sampleText = (sample: Readonly<Record<string, number>>): string => {
  const sum = (kind: string): number =>
    Object.entries(sample).reduce(
      (total, [name, value]) => total + (name.endsWith(` ${kind}`) ? value : 0),
      0,
    );
  return `${sum("descriptors")} descriptors, ${Math.round(sum("rssMiB"))} MiB, ${sum("surplusLinks")} links too many`;
};

/** Errors that nobody handled, by daemon. */
const unhandled = (processes: readonly { name: string; log(): string }[]): string[] =>
  processes
    .filter(({ log }) => /unhandled rejection|uncaught exception/.test(log()))
    .map(({ name }) => `${name} had an error that nobody handled`);
