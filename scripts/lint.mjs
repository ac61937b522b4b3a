// SPDX-License-Identifier: Apache-2.0
/** npm run lint: types, format, rules, levels, cycles, dead exports, file sizes, docstrings, generated code. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, phase, repository } from "./setup.mjs";

const bin = (name) => join(repository, "node_modules", ".bin", name);
const checks = [
  ["types", bin("tsc"), ["-b"]],
  ["format and rules", bin("biome"), ["check", "--error-on-warnings"]],
  [
    "typed rules, sizes, docstrings",
    bin("eslint"),
    ["--cache", "--cache-location", "node_modules/.cache/eslint/", "packages", "apps", "test"],
  ],
  [
    "levels and cycles",
    bin("depcruise"),
    ["packages", "apps", "test", "--config", ".dependency-cruiser.mjs"],
  ],
  ["dead exports and dependencies", bin("knip"), ["--no-progress"]],
  ["proto", bin("buf"), ["lint"]],
  ["generated code", process.execPath, [join(repository, "scripts", "generate.mjs"), "--check"]],
];

console.log(phase(install({ dev: true }), "installed"));
let failed = 0;
for (const [name, command, args] of checks) {
  const startMs = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: repository,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  console.log(phase((performance.now() - startMs) / 1000, `${name}: ${status === 0 ? "ok" : "FAILED"}`));
  if (status === 0) continue;
  failed += 1;
  console.log(stdout, stderr);
}
console.log(failed === 0 ? "lint passed" : `lint: ${failed} of ${checks.length} checks failed`);
process.exitCode = failed === 0 ? 0 : 1;
