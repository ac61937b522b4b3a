// SPDX-License-Identifier: Apache-2.0
/**
 * Pid 1 of one scenario with Go peers. Arguments: scenario id, form, repository, log folder, folder of the Go programs.
 * Prints the outcome as one JSON line on stdout. With `--list FORM`, outside any namespace: prints the ids of that form.
 */
import { runScenario, runWorld, type Scenario, type ScenarioForm } from "@nsm/lab";
import { cycles } from "./cycles.js";
import { interopHealing } from "./healing.js";
import { hiddenSockets } from "./hidden-sockets.js";
import { logLevels } from "./levels.js";
import { expectPeersRan, peerCommands, prepareNodes } from "./peers.js";
import { rotations } from "./rotation.js";
import { interopSecurity } from "./security.js";
import { services } from "./services.js";
import { interopUseCases } from "./use-cases.js";

const [id, form = "short", repository = "", logFolder = "", peersFolder = ""] = process.argv.slice(2);
const scenarios = [
  ...interopUseCases,
  ...hiddenSockets,
  ...logLevels,
  ...services,
  ...cycles,
  ...rotations,
  ...interopSecurity,
  ...interopHealing,
];
if (id === "--list") {
  const chosen = scenarios.filter(({ forms }) => forms?.includes(form as ScenarioForm) ?? true);
  process.stdout.write(`${chosen.map((scenario) => scenario.id).join("\n")}\n`);
  process.exit(0);
}

await runWorld({
  async run(ending) {
    const scenario = scenarios.find((candidate) => candidate.id === id);
    if (!scenario) {
      process.stderr.write(`no scenario ${id}\n`);
      return 2;
    }
    const commands = peerCommands(scenario.peers, peersFolder);
    const prepared: Scenario = {
      ...scenario,
      async run(lab, run) {
        prepareNodes(lab);
        await scenario.run(lab, run);
        expectPeersRan(scenario.peers, logFolder);
      },
    };
    const outcome = await runScenario(prepared, {
      form: form as ScenarioForm,
      options: { repository, logFolder, env: {}, commands },
      ending,
    });
    process.stdout.write(`${JSON.stringify({ id, title: scenario.title, ...outcome })}\n`);
    return outcome.status === "passed" ? 0 : 1;
  },
});
