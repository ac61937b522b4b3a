// SPDX-License-Identifier: Apache-2.0
/** npm run test:repeat -- 20: the sandbox suite so many times in a row, ending at the first failure. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, phase, repository } from "./setup.mjs";

const times = Number(process.argv[2] ?? 20);
if (!Number.isInteger(times) || times < 1) {
  console.error("usage: npm run test:repeat -- TIMES");
  process.exit(2);
}
console.log(phase(install({ dev: true }), "installed"));
const jest = join(repository, "node_modules", "jest", "bin", "jest.js");
for (let round = 1; round <= times; round++) {
  const startMs = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [jest, "packages/sandbox", "-w", "2", "--silent"],
    {
      cwd: repository,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
      env: {
        ...process.env,
        NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
      },
    },
  );
  const tests = /^Tests: +(.*)$/m.exec(stderr)?.[1] ?? "";
  console.log(phase((performance.now() - startMs) / 1000, `${round}/${times}: ${tests}`));
  if (status === 0) continue;
  console.log(stdout, stderr);
  console.log(`test:repeat failed in round ${round}`);
  process.exit(1);
}
console.log(`test:repeat passed: ${times} rounds without a failure`);
