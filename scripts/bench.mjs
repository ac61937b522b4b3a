// SPDX-License-Identifier: Apache-2.0
/**
 * npm run bench                  one node with real daemons: times, throughput, CPU, memory, and the floors
 * npm run bench -- --count 50    operations per figure (200)
 * npm run bench -- --in-process  only the last parts: without daemons and privileges, a minute
 *
 * Writes reports/bench.json. Budgets are printed, nothing fails when one is missed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, install, phase, repository } from "./setup.mjs";

const { values: options } = parseArgs({
  options: { count: { type: "string", default: "200" }, "in-process": { type: "boolean", default: false } },
});
const TIMEOUT_MS = 230_000;
const PART_TIMEOUT_MS = 60_000;
/** Programs of the part inside one process: their argument and node's options. */
const parts = [
  ["times", []],
  ["identity", []],
  // So large a young generation that nothing is collected while allocations are counted
  ["memory", ["--expose-gc", "--min-semi-space-size=128", "--max-semi-space-size=128"]],
];

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

process.exitCode = await bench();

async function prepare() {
  const installed = phase(install({ dev: false }), "installed");
  console.log(`${installed}   ${phase(await build(), "built")}`);
}

/** Prints what a program says until it tells its report. @returns its onStdout, and what gives the report */
function reader() {
  let output = "";
  let shown = 0;
  return {
    onStdout(chunk) {
      output += chunk;
      for (const line of output.split("\n").slice(shown, -1)) {
        shown += 1;
        if (!line.startsWith("{")) console.log(line);
      }
    },
    report(code, place) {
      const last = output.trimEnd().split("\n").at(-1);
      if (code === 0 && last?.startsWith("{")) return JSON.parse(last);
      console.error(`no figures, exit code ${code}; ${place}`);
      process.exit(code || 1);
    },
  };
}

/** A node with real daemons. @param mode `identity` or `insecure`. @returns its report */
async function world(mode) {
  const { launch, missingRequirements } = await import(
    join(repository, "packages", "lab", "dist", "launcher.mjs")
  );
  const missing = missingRequirements(process.env.PATH ?? "", process.getuid?.() ?? 0);
  if (missing.length > 0) {
    console.error(["the benchmark cannot run here:", ...missing].join("\n  "));
    process.exit(2);
  }
  const logs = join(repository, "reports", "bench", new Date().toISOString().replace(/[:.]/g, "-"));
  const { onStdout, report } = reader();
  const code = await launch({
    script: join(repository, "test", "bench", "dist", "world.mjs"),
    args: [repository, logs, options.count, mode],
    env: process.env,
    onStdout,
    timeoutMs: TIMEOUT_MS,
  });
  return report(code, `logs: ${logs}`);
}

/** Figures of the same name side by side. */
function costOfIdentity(secured, insecure) {
  const group = "cost of identity on one node: with / without";
  return ["new connection p50", "refresh p50", "close p50", "CPU of a new connection, all processes"].flatMap(
    (figure) => {
      const [a, b] = [secured, insecure].map(({ rows }) => rows.find((row) => row.figure === figure)?.value);
      const value = Number((a / b).toPrecision(3));
      return [
        { group, figure: `${figure}, without`, value: b, unit: "ms" },
        { group, figure: `${figure}, with / without`, value, unit: "x", budget: "<= 2.5" },
      ];
    },
  );
}

/** Everything inside one process. @returns its report */
async function inProcess([part, nodeOptions]) {
  const script = join(repository, "test", "bench", "dist", "bench.mjs");
  const child = spawn(process.execPath, [...nodeOptions, script, part], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: PART_TIMEOUT_MS,
  });
  const { onStdout, report } = reader();
  child.stdout.setEncoding("utf8").on("data", onStdout);
  const [code] = await once(child, "close");
  return report(code, `part ${part}`);
}

async function bench() {
  await prepare();
  const reports = [];
  if (!options["in-process"]) {
    const [secured, insecure] = [await world("identity"), await world("insecure")];
    reports.push(secured, { ...insecure, rows: costOfIdentity(secured, insecure) });
  }
  for (const part of parts) reports.push(await inProcess(part));
  const machine = {
    ...reports.at(-1).machine,
    "load average before": reports[0].machine["load average before"],
  };
  const rows = reports.flatMap((report) => report.rows);
  const described = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  console.log(`\n${described.join(", ")}`);
  console.log(`  ${"figure".padEnd(46)} ${"measured".padStart(12)}   budget`);
  for (const line of table(rows)) console.log(line);
  mkdirSync(join(repository, "reports"), { recursive: true });
  const path = join(repository, "reports", "bench.json");
  writeFileSync(path, `${JSON.stringify({ at: new Date().toISOString(), machine, rows }, null, 2)}\n`);
  console.log("\nwritten to reports/bench.json");
  return 0;
}
