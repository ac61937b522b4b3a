// SPDX-License-Identifier: Apache-2.0
/**
 * npm run demo                     two nodes, one network service, local and remote client, real kernel links
 * npm run demo -- --keep           the same, running until Ctrl-C
 * npm run demo -- --sandbox        the same story in one process, without namespaces and kernel links
 * npm run demo -- exec POD -- CMD  runs CMD in a pod of a running demo
 */
import { join } from "node:path";
import { build, install, phase, repository } from "./setup.mjs";

const usage = `usage: npm run demo [-- --keep | --sandbox | exec POD -- COMMAND …]`;
const startedMs = Date.now();
const args = process.argv.slice(2);
const lab = (name) => join(repository, "packages", "lab", "dist", `${name}.mjs`);

async function exec() {
  const pod = args[1];
  const command = args.slice(args[2] === "--" ? 3 : 2);
  if (!pod || command.length === 0) return fail(usage);
  const { execInPod } = await import(lab("launcher"));
  return await execInPod(pod, command, { ping: lab("ping") });
}

function fail(...lines) {
  for (const line of lines) console.error(line);
  return 2;
}

async function demo() {
  const unknown = args.filter((arg) => !["--keep", "--sandbox"].includes(arg));
  if (unknown.length > 0) return fail(`unknown argument: ${unknown.join(" ")}`, usage);
  console.log('nsm demo: two nodes, one network service "icmp-responder"');
  const installed = install({ dev: false });
  const built = await build();
  console.log(`  ${phase(installed, "installed")}   ${phase(built, "built")}`);
  if (args.includes("--sandbox")) {
    const { runSandboxDemo } = await import(join(repository, "packages", "sandbox", "dist", "demo.mjs"));
    return await runSandboxDemo({ startedMs, write: (line) => console.log(line) });
  }
  const { EXIT_NO_LINKS, launch, missingRequirements, namespaceAdvice } = await import(lab("launcher"));
  const uid = process.getuid?.() ?? 0;
  const missing = missingRequirements(process.env.PATH ?? "", uid);
  if (missing.length > 0) return fail("the demo cannot run here:", ...missing.map((line) => `  ${line}`));
  const stamp = new Date(startedMs).toISOString().replace(/[:.]/g, "-");
  const logs = join(repository, "reports", "demo", stamp);
  const code = await launch({
    script: lab("demo-world"),
    args: [repository, logs, String(startedMs), ...args],
    env: process.env,
  });
  if (code === EXIT_NO_LINKS) fail("try:", ...namespaceAdvice(uid).map((line) => `  ${line}`));
  return code;
}

process.exitCode = args[0] === "exec" ? await exec() : await demo();
