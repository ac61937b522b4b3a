// SPDX-License-Identifier: Apache-2.0
/**
 * npm run generate             writes packages/api/src/gen from proto/
 * npm run generate -- --check  fails when the committed code differs from what proto/ gives
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { install, mustRun, repository } from "./setup.mjs";

const committed = join(repository, "packages", "api", "src", "gen");
const buf = join(repository, "node_modules", ".bin", "buf");

const files = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();

/** Files below the committed folder that differ from freshly generated ones. */
export function drift() {
  const folder = mkdtempSync(join(tmpdir(), "nsm-gen-"));
  try {
    mustRun(buf, ["generate", "--output", folder]);
    const fresh = join(folder, "packages", "api", "src", "gen");
    const names = new Set([...files(fresh), ...files(committed)]);
    const read = (root, name) => {
      try {
        return readFileSync(join(root, name), "utf8");
      } catch {
        return undefined;
      }
    };
    return [...names].filter((name) => read(fresh, name) !== read(committed, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === join(repository, "scripts", "generate.mjs")) {
  install({ dev: true });
  if (process.argv.includes("--check")) {
    const changed = drift();
    for (const name of changed)
      console.error(`packages/api/src/gen/${name} differs from proto/: run npm run generate`);
    process.exitCode = changed.length > 0 ? 1 : 0;
  } else {
    mustRun(buf, ["generate"]);
  }
}
