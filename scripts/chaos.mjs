// SPDX-License-Identifier: Apache-2.0
/**
 * npm run chaos                                every scripted chaos scenario in full form
 * npm run chaos -- --scenario CHAOS-4,LOAD-S   some of them; --short: in short form
 * npm run chaos -- --seed 7 --minutes 10       random faults; the same seed chooses the same ones
 * npm run chaos -- --kills 500                 daemons killed during bursts of requests; --seed as above
 * npm run chaos -- --recovery                  what faults cost, measured; writes docs/recovery.md; --rounds 10
 *
 * Prints progress and one verdict line at the end. Results of scenarios go into reports/scenarios.json.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openLab } from "./lab-world.mjs";
import { mergeScenarios } from "./scenario-results.mjs";
import { mustRun, phase, repository } from "./setup.mjs";

const { values } = parseArgs({
  options: {
    scenario: { type: "string" },
    short: { type: "boolean", default: false },
    seed: { type: "string" },
    minutes: { type: "string" },
    kills: { type: "string" },
    recovery: { type: "boolean", default: false },
    rounds: { type: "string", default: "10" },
  },
});

const { world, run, logs } = await openLab("chaos");

/** A whole number above 0, or the end. */
function count(name, text) {
  if (/^[1-9]\d*$/.test(text)) return text;
  console.error(`--${name} ${text}: a whole number above 0 is wanted`);
  process.exit(2);
}

async function scenarios() {
  const ids = values.scenario?.split(",") ?? mustRun(process.execPath, [world, "--list"]).trim().split("\n");
  const form = values.short ? "short" : "full";
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const id of ids) {
    const { status, reason, ms, title, notes } = await run({ form, what: ["scenario", id], folder: id });
    counts[status] += 1;
    mergeScenarios({ [id]: { status, reason, ms, form } });
    console.log(phase(ms / 1000, `${id} ${status}: ${title}`));
    for (const note of notes) console.log(`          ${note}`);
    if (status !== "passed") console.log(`          ${reason}`);
    if (status === "failed") console.log(`          logs: ${join(logs, id)}`);
  }
  console.log(`chaos: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

/** One long run; @param again the command that repeats it */
async function long(what, again) {
  console.log(again);
  const { status, reason, title, notes, page } = await run({ form: "full", what, folder: what[0] });
  if (page !== undefined && status === "passed") {
    writeFileSync(join(repository, "docs", "recovery.md"), page);
    console.log("docs/recovery.md is written");
  }
  for (const note of notes) console.log(note);
  if (reason) console.log(`${reason}\nlogs: ${join(logs, what[0])}\nagain: ${again}`);
  console.log(`chaos ${status}: ${title}`);
  return status === "passed" ? 0 : 1;
}

const seed = count("seed", values.seed ?? String(1 + (Date.now() % 2 ** 31)));
if (values.recovery) {
  const rounds = count("rounds", values.rounds);
  process.exitCode = await long(["recovery", rounds], "npm run chaos -- --recovery");
} else if (values.kills !== undefined) {
  const kills = count("kills", values.kills);
  process.exitCode = await long(["kills", kills, seed], `npm run chaos -- --kills ${kills} --seed ${seed}`);
} else if (values.seed !== undefined || values.minutes !== undefined) {
  const minutes = count("minutes", values.minutes ?? "5");
  const again = `npm run chaos -- --seed ${seed} --minutes ${minutes}`;
  process.exitCode = await long(["random", seed, minutes], again);
} else {
  process.exitCode = await scenarios();
}
