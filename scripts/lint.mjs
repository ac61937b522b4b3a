// SPDX-License-Identifier: Apache-2.0
/**
 * npm run lint: types, format, rules, levels, cycles, dead exports, file sizes, docstrings, generated code.
 * npm run lint -- types levels   only the checks whose name contains one of these words
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { install, phase, repository } from "./setup.mjs";

const bin = (name) => join(repository, "node_modules", ".bin", name);
const code = ["packages", "apps", "test"];

/** What is run, longest first: name, program, arguments. */
const checks = [
  [
    "typed rules, sizes, docstrings",
    bin("eslint"),
    [...code, "scripts", "tooling", "*.mjs", "--max-warnings=0"],
  ],
  ["types", bin("tsc"), ["-b"]],
  ["levels and cycles", bin("depcruise"), [...code, "--config", ".dependency-cruiser.mjs"]],
  ["dead exports and dependencies", bin("knip"), ["--no-progress", "--no-config-hints"]],
  ["generated code", process.execPath, [join(repository, "scripts", "generate.mjs"), "--check"]],
  ["format and rules", bin("biome"), ["check", "--error-on-warnings", "--max-diagnostics=200"]],
  ["proto", bin("buf"), ["lint"]],
];

/** @returns whether the check passed; prints what it found */
async function run([name, command, args]) {
  const startMs = performance.now();
  const child = spawn(command, args, { cwd: repository, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  const passed = status === 0;
  console.log(phase((performance.now() - startMs) / 1000, `${name}: ${passed ? "ok" : "FAILED"}`));
  if (!passed) console.log(`${out}${err}`.trimEnd());
  return passed;
}

const words = process.argv.slice(2);
const chosen = checks.filter(([name]) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) {
  console.error(
    `no check is called ${words.join(", ")}; there are: ${checks.map(([name]) => name).join("; ")}`,
  );
  process.exit(2);
}
console.log(phase(install({ dev: true }), "installed"));
const waiting = [...chosen];
const outcomes = [];
const worker = async () => {
  for (let check = waiting.shift(); check; check = waiting.shift()) outcomes.push(await run(check));
};
await Promise.all(Array.from({ length: availableParallelism() }, worker));
const failed = outcomes.filter((passed) => !passed).length;
console.log(failed === 0 ? "lint passed" : `lint: ${failed} of ${chosen.length} checks failed`);
process.exitCode = failed === 0 ? 0 : 1;
