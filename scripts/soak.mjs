// SPDX-License-Identifier: Apache-2.0
/**
 * npm run soak                          two hours of load with a random fault every minute (SOAK-1)
 * npm run soak -- --minutes 30 --seed 7
 *
 * Prints a line a minute and one verdict line at the end. The result goes into reports/scenarios.json.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openLab } from "./lab-world.mjs";
import { mergeScenarios } from "./scenario-results.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "120" },
    seed: { type: "string", default: String(1 + (Date.now() % 2 ** 31)) },
  },
});
for (const [name, text] of Object.entries(values)) {
  if (/^[1-9]\d*$/.test(text)) continue;
  console.error(`--${name} ${text}: a whole number above 0 is wanted`);
  process.exit(2);
}

const { run, logs } = await openLab("soak");
const { minutes, seed } = values;
const again = `npm run soak -- --minutes ${minutes} --seed ${seed}`;
console.log(again);
const outcome = await run({ form: "full", what: ["soak", minutes, seed], folder: "soak" });
const { status, reason, ms, title, notes } = outcome;
mergeScenarios({ "SOAK-1": { status, reason, ms, form: Number(minutes) >= 120 ? "full" : "short" } });
for (const note of notes) console.log(note);
if (reason) console.log(`${reason}\nlogs: ${join(logs, "soak")}\nagain: ${again}`);
console.log(`soak ${status}: ${title}`);
process.exitCode = status === "passed" ? 0 : 1;
