// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./launcher/launch.js";
import { missingRequirements } from "./launcher/requirements.js";
import { appScript } from "./world/paths.js";

const lab = join(import.meta.dirname, "..");
const repository = join(lab, "..", "..");
const [world = ""] = /(?<=```ts\n)[\s\S]*?(?=```)/.exec(readFileSync(join(lab, "README.md"), "utf8")) ?? [];

const lacking = ["registry", "nsmgr", "forwarder", "nsc", "nse"]
  .filter((app) => !existsSync(appScript(repository, app)))
  .map((app) => `the bundle of ${app} is missing: npm run build`);
const missing = [...lacking, ...missingRequirements(process.env.PATH ?? "", process.getuid?.() ?? 0)];

(missing.length === 0 ? it : it.skip)(
  `the world of the README connects, pings and leaves nothing behind${missing.length > 0 ? ` (skipped: ${missing[0]})` : ""}`,
  async () => {
    // Below node_modules: koffi is found from there
    const folder = mkdtempSync(join(repository, "node_modules", ".lab-readme-"));
    try {
      const [source, script] = [join(folder, "world.ts"), join(folder, "world.mjs")];
      writeFileSync(source, world);
      const banner = `import { createRequire as r } from "node:module"; const require = r(import.meta.url);`;
      execFileSync(join(repository, "node_modules", ".bin", "esbuild"), [
        source,
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--conditions=nsm-source",
        "--external:koffi",
        "--log-level=error",
        `--banner:js=${banner}`,
        `--outfile=${script}`,
      ]);
      const code = await launch({
        script,
        args: [repository, join(folder, "logs")],
        env: process.env,
        timeoutMs: 50_000,
      });
      expect(code).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
