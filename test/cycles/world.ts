// SPDX-License-Identifier: Apache-2.0
/**
 * Pid 1 of the connect/close cycles. Arguments: repository, log folder, count, [--remote]. Prints the outcome as one
 * JSON line on stdout. In the client's pod the same script is the client.
 */
import { fileURLToPath } from "node:url";
import { runScenario, runWorld } from "@nsm/lab";
import { runCyclingClient } from "./client.js";
import { cycles } from "./cycles.js";

const [repository = "", logFolder = "", count = "200", ...flags] = process.argv.slice(2);

if (process.env.NSM_CYCLING_CLIENT === "true") {
  await runCyclingClient();
} else {
  await runWorld({
    async run(ending) {
      const scenario = cycles({
        count: Number(count),
        remote: flags.includes("--remote"),
        clientScript: fileURLToPath(import.meta.url),
      });
      const outcome = await runScenario(scenario, {
        form: "full",
        options: { repository, logFolder, env: {} },
        ending,
      });
      process.stdout.write(`${JSON.stringify({ title: scenario.title, ...outcome })}\n`);
      return outcome.status === "passed" ? 0 : 1;
    },
  });
}
