// SPDX-License-Identifier: Apache-2.0
/** Runs worlds of test/chaos: set-up, launch, progress lines, outcome. */
import { join } from "node:path";
import { build, install, phase, repository } from "./setup.mjs";

/**
 * Installs, bundles and looks what is missing; ends the process with 2 when labs cannot run here.
 * @param name folder below reports for the logs
 * @returns {Promise<{ world: string, logs: string, run: Function }>} script of the world, folder of this run's logs
 */
export async function openLab(name) {
  console.log(phase(install({ dev: false }), "installed"));
  console.log(phase(await build(), "built"));
  const { launch, missingRequirements, EXIT_NO_LINKS } = await import(
    join(repository, "packages", "lab", "dist", "launcher.mjs")
  );
  const missing = missingRequirements(process.env.PATH ?? "", process.getuid?.() ?? 0);
  for (const line of missing) console.error(line);
  if (missing.length > 0) process.exit(2);

  const world = join(repository, "test", "chaos", "dist", "world.mjs");
  const logs = join(repository, "reports", name, new Date().toISOString().replace(/[:.]/g, "-"));

  /**
   * Runs one thing; prints the world's lines as they come.
   * @param {{ form: string, what: string[], folder: string }} order what: arguments of the world
   * @returns the outcome of its last line; a failed one when there is none
   */
  async function run({ form, what, folder }) {
    let rest = "";
    // Lines of JSON hold the outcome, and what else the run has made
    let outcome;
    const code = await launch({
      script: world,
      args: [repository, join(logs, folder), form, ...what],
      env: process.env,
      onStdout: (chunk) => {
        const lines = `${rest}${chunk}`.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (line.startsWith("{")) outcome = { ...outcome, ...JSON.parse(line) };
          else console.log(line);
        }
      },
    });
    if (code === EXIT_NO_LINKS) {
      console.error("the kernel refuses links in user namespaces");
      process.exit(2);
    }
    if (outcome?.status !== undefined) return outcome;
    const reason = `no outcome, exit code ${code}`;
    return { status: "failed", reason, title: what.join(" "), ms: 0, notes: [] };
  }

  return { world, logs, run };
}
