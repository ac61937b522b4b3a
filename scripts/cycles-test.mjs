// SPDX-License-Identifier: Apache-2.0
/**
 * npm run test:cycles                 200 connect/close cycles of one client; descriptors, links … as before
 * npm run test:cycles -- --remote     the same over two nodes
 * npm run test:cycles -- --count 50   another number of cycles
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, install, phase, repository } from "./setup.mjs";

const { values } = parseArgs({
  options: { count: { type: "string", default: "200" }, remote: { type: "boolean", default: false } },
});

console.log(phase(install({ dev: false }), "installed"));
console.log(phase(await build(), "built"));
const { launch, missingRequirements } = await import(
  join(repository, "packages", "lab", "dist", "launcher.mjs")
);
const missing = missingRequirements(process.env.PATH ?? "", process.getuid?.() ?? 0);
for (const line of missing) console.error(line);
if (missing.length > 0) process.exit(2);

const logs = join(repository, "reports", "cycles", new Date().toISOString().replace(/[:.]/g, "-"));
let output = "";
process.exitCode = await launch({
  script: join(repository, "test", "cycles", "dist", "world.mjs"),
  args: [repository, logs, values.count, ...(values.remote ? ["--remote"] : [])],
  env: process.env,
  onStdout: (chunk) => (output += chunk),
});
const lines = output.trimEnd().split("\n");
try {
  const { title, notes, status, reason, ms } = JSON.parse(lines.at(-1));
  for (const note of notes) console.log(`  ${note}`);
  console.log(phase(ms / 1000, `${status}: ${title}`));
  if (reason) console.log(`${reason}\nlogs: ${logs}`);
} catch {
  console.log(`no outcome, exit code ${process.exitCode}\n${output}\nlogs: ${logs}`);
}
