// SPDX-License-Identifier: Apache-2.0
/**
 * npm run chaos                               every scripted chaos scenario in full form
 * npm run chaos -- --scenario CHAOS-4         some of them; --short: in short form
 *
 * Prints progress and one verdict line at the end. Results of scenarios go into reports/scenarios.json.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mergeScenarios } from "./scenario-results.mjs";
import { build, install, mustRun, phase, repository } from "./setup.mjs";

const { values } = parseArgs({
  options: {
    scenario: { type: "string" },
    short: { type: "boolean", default: false },
  },
});

console.log(phase(install({ dev: false }), "installed"));
console.log(phase(await build(), "built"));
const { launch, missingRequirements, EXIT_NO_LINKS } = await import(
  join(repository, "packages", "lab", "dist", "launcher.mjs")
);
const missing = missingRequirements(process.env.PATH ?? "", process.getuid?.() ?? 0);
for (const line of missing) console.error(line);
if (missing.length > 0) process.exit(2);

const world = join(repository, "test", "chaos", "dist", "world.mjs");
const logs = join(repository, "reports", "chaos", new Date().toISOString().replace(/[:.]/g, "-"));
const LONGEST_MS = 900_000;

/** Runs the world; prints its lines as they come. @returns exit code, and the JSON of its last line */
async function run(args, timeoutMs) {
  let rest = "";
  let last = "";
  const code = await launch({
    script: world,
    args,
    env: process.env,
    timeoutMs,
    onStdout: (chunk) => {
      rest += chunk;
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("{")) last = line;
        else console.log(line);
      }
    },
  });
  if (code === EXIT_NO_LINKS) {
    console.error("the kernel refuses links in user namespaces");
    process.exit(2);
  }
  return { code, outcome: last === "" ? undefined : JSON.parse(last) };
}

async function scenarios() {
  const ids = values.scenario?.split(",") ?? mustRun(process.execPath, [world, "--list"]).trim().split("\n");
  const form = values.short ? "short" : "full";
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const id of ids) {
    const { code, outcome } = await run([id, form, repository, join(logs, id)], LONGEST_MS);
    const seen = outcome ?? { status: "failed", reason: `no outcome, exit code ${code}`, ms: 0, notes: [] };
    const { status, reason, ms } = seen;
    counts[status] += 1;
    mergeScenarios({ [id]: { status, reason, ms, form } });
    console.log(phase(ms / 1000, `${id} ${status}: ${seen.title ?? ""}`));
    for (const note of seen.notes) console.log(`          ${note}`);
    if (status !== "passed") console.log(`          ${reason}`);
    if (status === "failed") console.log(`          logs: ${join(logs, id)}`);
  }
  console.log(`chaos: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

process.exitCode = await scenarios();
