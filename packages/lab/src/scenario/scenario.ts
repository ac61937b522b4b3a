// SPDX-License-Identifier: Apache-2.0
import type { LabIdentityOptions } from "../identity/lab-identity.js";
import { Lab } from "../world/lab.js";
import type { WorldOptions } from "../world/pod.js";

/** How thorough a run is: short forms belong to `npm test`, full ones to `npm run test:lab`. */
export type ScenarioForm = "short" | "full";

/** What a scenario works with. */
export interface ScenarioRun {
  readonly form: ScenarioForm;
  readonly options: WorldOptions;
  /** Notes a fact for the report. */
  note(text: string): void;
  /** Aborted when the world is asked to end. */
  readonly ending: AbortSignal;
}

/** Thrown by a scenario that cannot run here; the message is the reason. A skip is never a pass. */
export class Skip extends Error {
  override readonly name = "Skip";
}

/** An entry of the acceptance catalogue that runs in the lab. */
export interface Scenario {
  /** Permanent id, for example `UC-01`. */
  readonly id: string;
  /** What holds when it passes, as a statement. */
  readonly title: string;
  readonly nodes: number;
  /** Bound of the whole scenario, milliseconds; default 60 000. */
  readonly timeoutMs?: number;
  /** Forms in which it is run by `npm test` and `npm run test:lab`; default both. */
  readonly forms?: readonly ScenarioForm[];
  /** Environment of every daemon, beside that of the run. */
  readonly env?: Readonly<Record<string, string>>;
  /** How identities are made, where the run has them. */
  readonly identity?: LabIdentityOptions;
  /** @throws Skip when something that it needs is missing; anything else when an expectation does not hold */
  run(lab: Lab, run: ScenarioRun): Promise<void>;
}

/** Outcome of a scenario as `reports/scenarios.json` keeps it. */
export interface ScenarioOutcome {
  readonly status: "passed" | "failed" | "skipped";
  readonly reason: string;
  readonly ms: number;
  readonly form: ScenarioForm;
  readonly notes: readonly string[];
}

/** Runs one scenario in a fresh lab and stops the lab whatever happens. */
export async function runScenario(
  scenario: Scenario,
  run: Omit<ScenarioRun, "note">,
): Promise<ScenarioOutcome> {
  const startMs = performance.now();
  const notes: string[] = [];
  const outcome = (status: ScenarioOutcome["status"], reason = ""): ScenarioOutcome => ({
    status,
    reason,
    ms: Math.round(performance.now() - startMs),
    form: run.form,
    notes,
  });
  let lab: Lab | undefined;
  try {
    const options = { ...run.options, env: { ...run.options.env, ...scenario.env } };
    const { nodes, identity } = scenario;
    lab = await Lab.create({ ...options, nodes, ...(identity && { identity }) });
    await scenario.run(lab, { ...run, options, note: (text) => notes.push(text) });
    await lab.stop();
    return run.ending.aborted ? outcome("failed", "told to end before its time") : outcome("passed");
  } catch (error) {
    await lab?.stop().catch(() => {});
    if (error instanceof Skip) return outcome("skipped", error.message);
    return outcome("failed", error instanceof Error ? error.message : String(error));
  }
}
