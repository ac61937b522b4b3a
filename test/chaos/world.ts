// SPDX-License-Identifier: Apache-2.0
/**
 * Pid 1 of the chaos runs, and the programs that it starts in pods and nodes (`NSM_CHAOS_ROLE`). Arguments:
 * repository, log folder, form, then what to run:
 *
 *   scenario ID | random SEED MINUTES | kills COUNT SEED | recovery ROUNDS | soak MINUTES SEED
 *
 * Prints progress as plain lines and the outcome as one JSON line. With `--list` alone: the ids of the scenarios.
 */
import { runScenario, runWorld, type Scenario, type ScenarioForm } from "@nsm/lab";
import { runChaosForwarder } from "./chaos-forwarder.js";
import { runLoad } from "./load/load.js";
import { recoveryRun } from "./recovery.js";
import { killsRun, randomRun } from "./runs.js";
import { chaosScenarios } from "./scenarios.js";
import { soakRun } from "./soak.js";

/** @throws Error when there is no such thing to run */
function chosen(repository: string, [mode, first = "", second = ""]: readonly string[]): Scenario {
  switch (mode) {
    case "random":
      return randomRun(Number(first), Number(second));
    case "kills":
      return killsRun(Number(first), Number(second));
    case "recovery":
      return recoveryRun(Number(first));
    case "soak":
      return soakRun(repository, Number(first), Number(second));
    default: {
      const scenario = chaosScenarios(repository).find(({ id }) => id === first);
      if (!scenario) throw new Error(`no scenario ${first}`);
      return scenario;
    }
  }
}

async function runOne(ending: AbortSignal): Promise<number> {
  const [repository = "", logFolder = "", form = "full", ...what] = process.argv.slice(2);
  const scenario = chosen(repository, what);
  const outcome = await runScenario(scenario, {
    form: form as ScenarioForm,
    options: { repository, logFolder, env: {} },
    ending,
  });
  process.stdout.write(`${JSON.stringify({ id: scenario.id, title: scenario.title, ...outcome })}\n`);
  return outcome.status === "passed" ? 0 : 1;
}

switch (process.env.NSM_CHAOS_ROLE) {
  case "load":
    await runLoad();
    break;
  case "forwarder":
    await runChaosForwarder();
    break;
  default:
    if (process.argv[2] === "--list") {
      process.stdout.write(
        `${chaosScenarios("")
          .map(({ id }) => id)
          .join("\n")}\n`,
      );
      process.exit(0);
    }
    await runWorld({ run: runOne });
}
