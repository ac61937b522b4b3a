// SPDX-License-Identifier: Apache-2.0
/**
 * npm run bench                  one node with real daemons: times, throughput, CPU, memory, and the floors
 * npm run bench -- --count 50    operations per figure (200)
 *
 * Writes reports/bench.json. Budgets are printed, nothing fails when one is missed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, install, phase, repository } from "./setup.mjs";

const { values: options } = parseArgs({ options: { count: { type: "string", default: "200" } } });
const TIMEOUT_MS = 230_000;

/** The table's lines: figure, value with unit, budget. */
function table(rows) {
  const lines = [];
  let group;
  for (const row of rows) {
    if (row.group !== group) lines.push("", row.group);
    group = row.group;
    const value = row.value >= 100 ? row.value.toFixed(0) : row.value.toFixed(2);
    const measured = `${value} ${row.unit}`.trimEnd();
    lines.push(`  ${row.figure.padEnd(46)} ${measured.padStart(12)}   ${row.budget ?? ""}`.trimEnd());
  }
  return lines;
}

const { launch, missingRequirements } = await prepare();
const missing = missingRequirements(process.env.PATH ?? "", process.getuid?.() ?? 0);
if (missing.length > 0) {
  console.error(["the benchmark cannot run here:", ...missing].join("\n  "));
  process.exit(2);
}
process.exitCode = await bench();

async function prepare() {
  const installed = phase(install({ dev: false }), "installed");
  console.log(`${installed}   ${phase(await build(), "built")}`);
  return await import(join(repository, "packages", "lab", "dist", "launcher.mjs"));
}

async function bench() {
  const logs = join(repository, "reports", "bench", new Date().toISOString().replace(/[:.]/g, "-"));
  let output = "";
  let shown = 0;
  const code = await launch({
    script: join(repository, "test", "bench", "dist", "world.mjs"),
    args: [repository, logs, options.count],
    env: process.env,
    onStdout(chunk) {
      output += chunk;
      for (const line of output.split("\n").slice(shown, -1)) {
        shown += 1;
        if (!line.startsWith("{")) console.log(line);
      }
    },
    timeoutMs: TIMEOUT_MS,
  });
  const last = output.trimEnd().split("\n").at(-1);
  if (code !== 0 || !last?.startsWith("{")) {
    console.error(`no figures, exit code ${code}; logs: ${logs}`);
    return code || 1;
  }
  const report = JSON.parse(last);
  const machine = Object.entries(report.machine).map(([name, value]) => `${name} ${value}`);
  console.log(`\n${machine.join(", ")}`);
  console.log(`  ${"figure".padEnd(46)} ${"measured".padStart(12)}   budget`);
  for (const line of table(report.rows)) console.log(line);
  mkdirSync(join(repository, "reports"), { recursive: true });
  const path = join(repository, "reports", "bench.json");
  writeFileSync(path, `${JSON.stringify({ at: new Date().toISOString(), ...report }, null, 2)}\n`);
  console.log("\nwritten to reports/bench.json");
  return 0;
}
