// SPDX-License-Identifier: Apache-2.0
/**
 * npm run test:kill                          20 rounds: the demo is killed, and nothing may be left
 * npm run test:kill -- --rounds 4 --seed 7   another number of rounds, the same moments again
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, install, phase, repository } from "./setup.mjs";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "20" }, seed: { type: "string" } },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));

console.log(phase(install({ dev: false }), "installed"));
console.log(phase(await build(), "built"));
const { killTest } = await import(join(repository, "test", "kill", "kill.mjs"));
console.log(`${rounds} rounds, seed ${seed}`);
const startMs = performance.now();
const { passed, failures } = await killTest({ rounds, seed, log: (line) => console.log(line) });
for (const failure of failures) console.log(`FAILED ${failure}`);
const verdict = passed ? "nothing was left behind" : `${failures.length} of ${rounds} rounds left something`;
console.log(phase((performance.now() - startMs) / 1000, verdict));
process.exitCode = passed ? 0 : 1;
