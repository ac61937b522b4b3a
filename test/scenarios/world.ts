// SPDX-License-Identifier: Apache-2.0
/**
 * Pid 1 of one scenario. Arguments: scenario id, form, repository, log folder. Prints the outcome as one JSON line
 * on stdout. With `--list FORM`, outside any namespace: prints the ids of the scenarios of that form.
 */
import { runScenario, runWorld, type ScenarioForm } from "@nsm/lab";
import { chaosScenarios } from "../chaos/scenarios.js";
import { badInput } from "./bad-input.js";
import { features } from "./feat.js";
import { healing } from "./heal.js";
import { security } from "./sec.js";
import { observability, useCases } from "./uc.js";

const [id, form = "short", repository = "", logFolder = ""] = process.argv.slice(2);
const scenarios = [
  ...useCases,
  ...features,
  ...observability,
  ...badInput,
  ...healing,
  ...security,
  ...chaosScenarios(repository),
];
if (id === "--list") {
  const chosen = scenarios.filter(({ forms }) => forms?.includes(form as ScenarioForm) ?? true);
  process.stdout.write(`${chosen.map((scenario) => scenario.id).join("\n")}\n`);
  process.exit(0);
}

await runWorld({
  async run(ending) {
    const named = scenarios.filter((candidate) => candidate.id === id);
    const scenario = named.find(({ forms }) => forms?.includes(form as ScenarioForm)) ?? named[0];
    if (!scenario) {
      process.stderr.write(`no scenario ${id}\n`);
      return 2;
    }
    const outcome = await runScenario(scenario, {
      form: form as ScenarioForm,
      options: { repository, logFolder, env: {} },
      ending,
    });
    process.stdout.write(`${JSON.stringify({ id, title: scenario.title, ...outcome })}\n`);
    return outcome.status === "passed" ? 0 : 1;
  },
});
