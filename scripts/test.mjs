// SPDX-License-Identifier: Apache-2.0
/**
 * npm test                        unit, kernel, sandbox, lab and interop tests in short form, and killing the demo
 * npm run test:lab                every lab and interop scenario in full form
 * npm test -- --only unit,lab     some phases (unit, kernel, sandbox, lab, interop, kill)
 * npm test -- --scenario UC-01    some lab or interop scenarios
 *
 * Writes reports/scenarios.json. The last line is `N passed, N failed, N skipped`.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildGoPeers } from "./go-peers.mjs";
import { mergeScenarios } from "./scenario-results.mjs";
import { build, install, mustRun, phase, repository } from "./setup.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    full: { type: "boolean", default: false },
    scenario: { type: "string" },
  },
});

const reports = join(repository, "reports");
const form = options.full ? "full" : "short";
const wanted =
  options.only?.split(",") ?? (options.full || options.scenario ? ["lab", "interop"] : undefined);
const inPhase = (name) => wanted === undefined || wanted.includes(name);

const totals = { passed: 0, failed: 0, skipped: 0 };
const scenarios = {};

const isScenario = /^(?:SBX|UC|FEAT|HEAL|INTER|SEC|OBS|LOAD|SOAK|CHAOS|LEG|K8S)-[A-Z]?\d+[a-d]?/;

/** Jest needs its own flags in every process it starts. */
const jestEnv = {
  ...process.env,
  NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
};

const tail = (text, lines) => text.trimEnd().split("\n").slice(-lines).join("\n");

async function run(command, args, { env = process.env, timeoutMs }) {
  const child = spawn(command, args, { cwd: repository, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  return { code, output };
}

/** Counts a jest report; @returns texts of what failed */
function countJest(report, seenForm) {
  const failures = [];
  for (const file of report.testResults) {
    // A file that does not even load has no assertions
    if (file.status === "failed" && file.assertionResults.length === 0) {
      totals.failed += 1;
      failures.push(`${file.name}\n${file.message}`);
    }
    for (const test of file.assertionResults) {
      const kind = { passed: "passed", failed: "failed" }[test.status] ?? "skipped";
      totals[kind] += 1;
      if (kind === "failed")
        failures.push(`${file.name}: ${test.fullName}\n${test.failureMessages.join("\n")}`);
      for (const title of [...test.ancestorTitles, test.title]) {
        const id = isScenario.exec(title)?.[0];
        if (!id) continue;
        const former = scenarios[id];
        const status = kind === "failed" || former?.status === "failed" ? "failed" : kind;
        const ms = Math.round((former?.ms ?? 0) + (test.duration ?? 0));
        scenarios[id] = { status, reason: kind === "skipped" ? test.fullName : "", ms, form: seenForm };
        break;
      }
    }
  }
  return failures;
}

/** Runs jest on some folders, optionally behind a command such as unshare. */
async function jestPhase(name, folders, { before = [], timeoutMs }) {
  if (!inPhase(name)) return;
  const startMs = performance.now();
  const reportPath = join(reports, `jest-${name}.json`);
  rmSync(reportPath, { force: true });
  const jest = [join(repository, "node_modules", "jest", "bin", "jest.js")];
  const args = [...jest, ...folders, "-w", "2", "--silent", "--json", `--outputFile=${reportPath}`];
  const [command, ...rest] = [...before, process.execPath, ...args];
  const { output } = await run(command, rest, { env: jestEnv, timeoutMs });
  const earlier = { ...totals };
  let failures;
  try {
    failures = countJest(JSON.parse(readFileSync(reportPath, "utf8")), form);
  } catch {
    totals.failed += 1;
    failures = [`${name}: no report\n${tail(output, 30)}`];
  }
  report(name, earlier, startMs, failures);
}

function report(name, earlier, startMs, failures) {
  const [passed, failed, skipped] = ["passed", "failed", "skipped"].map(
    (kind) => totals[kind] - earlier[kind],
  );
  const text = `${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  console.log(phase((performance.now() - startMs) / 1000, text));
  for (const failure of failures) console.log(`  FAILED ${failure.replaceAll("\n", "\n    ")}`);
}

const worldOf = (folder) => join(repository, "test", folder, "dist", "world.mjs");

/** Ids asked for, else all of a world. */
function scenariosOf(world) {
  const isInterop = world === worldOf("interop");
  const asked = options.scenario?.split(",").filter((id) => id.startsWith("INTEROP-") === isInterop);
  return asked ?? mustRun(process.execPath, [world, "--list", form]).trim().split("\n");
}

/**
 * Runs each scenario in a world of its own.
 * @param {{ args?: string[], lacking?: string }} needs further arguments of the world; why it cannot run here
 */
async function labPhase(name, world, { args = [], lacking } = {}) {
  const startMs = performance.now();
  const earlier = { ...totals };
  const [missing = lacking] = missingRequirements(process.env.PATH ?? "", process.getuid?.() ?? 0);
  const failures = [];
  for (const id of scenariosOf(world)) {
    if (missing !== undefined) {
      skip(id, missing);
      continue;
    }
    const outcome = await labScenario(world, id, args);
    if (outcome.status === "skipped") {
      skip(id, outcome.reason);
      continue;
    }
    totals[outcome.status === "passed" ? "passed" : "failed"] += 1;
    const { status, reason, ms, form: seen } = outcome;
    scenarios[id] = { status, reason, ms, form: seen };
    console.log(phase(ms / 1000, `  ${id} ${status}: ${outcome.title ?? ""}`));
    if (status !== "passed") failures.push(`${id}: ${reason}\nlogs: ${outcome.logs}`);
  }
  report(name, earlier, startMs, failures);
}

/** The lab's scenarios with peers that nobody here wrote. */
async function interopPhase() {
  const world = worldOf("interop");
  if (!inPhase("interop") || scenariosOf(world).length === 0) return;
  const { folder, missing, failure, seconds } = buildGoPeers();
  console.log(phase(seconds, missing === undefined ? "Go peers built" : `no Go peers: ${missing}`));
  if (failure === undefined) {
    await labPhase("interop", world, { args: [folder], lacking: missing });
    return;
  }
  totals.failed += 1;
  console.log(`  FAILED interop: ${failure}`);
}

function skip(id, reason) {
  totals.skipped += 1;
  scenarios[id] = { status: "skipped", reason, ms: 0, form };
  console.log(phase(0, `  ${id} skipped: ${reason}`));
}

async function labScenario(world, id, args) {
  const logs = join(reports, "lab", id);
  rmSync(logs, { recursive: true, force: true });
  let output = "";
  const code = await launch({
    script: world,
    args: [id, form, repository, logs, ...args],
    env: process.env,
    onStdout: (chunk) => (output += chunk),
    timeoutMs: form === "full" ? 900_000 : 90_000,
  });
  if (code === EXIT_NO_LINKS)
    return { status: "skipped", reason: "the kernel refuses links in user namespaces" };
  try {
    return { ...JSON.parse(output.trimEnd().split("\n").at(-1)), logs };
  } catch {
    return { status: "failed", reason: `no outcome, exit code ${code}`, ms: 0, form, logs };
  }
}

const KILL_ROUNDS = 4;

/** Kills each of npm, launcher, unshare and lab once. */
async function killPhase() {
  if (!inPhase("kill")) return;
  const startMs = performance.now();
  const earlier = { ...totals };
  const missing = missingRequirements(process.env.PATH ?? "", process.getuid?.() ?? 0);
  if (missing.length > 0) {
    totals.skipped += KILL_ROUNDS;
    console.log(phase(0, `kill skipped: ${missing[0]}`));
    return;
  }
  const { killTest } = await import(join(repository, "test", "kill", "kill.mjs"));
  const seed = Date.now() % 2 ** 31;
  const { failures } = await killTest({ rounds: KILL_ROUNDS, seed, log: () => {} });
  totals.passed += KILL_ROUNDS - failures.length;
  totals.failed += failures.length;
  report("kill", earlier, startMs, failures);
}

const root = process.getuid?.() === 0;
console.log(phase(install({ dev: true }), "installed"));
console.log(phase(await build(), "built"));
mkdirSync(reports, { recursive: true });
// Bundled just now
const { launch, missingRequirements, EXIT_NO_LINKS } = await import(
  join(repository, "packages", "lab", "dist", "launcher.mjs")
);
const kernel = ["packages/linux", "packages/dataplane"];
await jestPhase(
  "unit",
  ["packages", "apps", "test", "--testPathIgnorePatterns", ...kernel, "packages/sandbox"],
  {
    timeoutMs: 900_000,
  },
);
// Links are made and deleted: in namespaces of their own, where an ordinary user is root
const unshare = [
  "unshare",
  ...(root ? [] : ["--user", "--map-root-user"]),
  "--net",
  "--fork",
  "--kill-child",
];
await jestPhase("kernel", kernel, { before: unshare, timeoutMs: 480_000 });
await jestPhase("sandbox", ["packages/sandbox"], { timeoutMs: 480_000 });
if (inPhase("lab")) await labPhase("lab", worldOf("scenarios"));
await interopPhase();
await killPhase();
mergeScenarios(scenarios);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
