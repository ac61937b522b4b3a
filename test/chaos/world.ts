// SPDX-License-Identifier: Apache-2.0
/**
 * Pid 1 of the chaos runs, and the programs that it starts in pods and nodes (`NSM_CHAOS_ROLE`). Arguments:
 * scenario id, form, repository, log folder. Prints progress as plain lines and the outcome as one JSON line.
 */
import { runScenario, runWorld, type ScenarioForm } from "@nsm/lab";
import { runChaosForwarder } from "./chaos-forwarder.js";
import { runLoad } from "./load/load.js";
import { chaosScenarios } from "./scenarios.js";

async function runOne(ending: AbortSignal): Promise<number> {
  const [id, form = "full", repository = "", logFolder = ""] = process.argv.slice(2);
  const scenario = chaosScenarios(repository).find((candidate) => candidate.id === id);
  if (!scenario) {
    process.stderr.write(`no scenario ${id}\n`);
    return 2;
  }
  const outcome = await runScenario(scenario, {
    form: form as ScenarioForm,
    options: { repository, logFolder, env: { NSM_INSECURE: "true" } },
    ending,
  });
  process.stdout.write(`${JSON.stringify({ id, title: scenario.title, ...outcome })}\n`);
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
