// SPDX-License-Identifier: Apache-2.0
/** `reports/scenarios.json`: id → outcome of the last run of each scenario. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./setup.mjs";

const path = join(repository, "reports", "scenarios.json");

const former = () => {
  try {
    return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
  } catch {
    return {};
  }
};

/** Puts outcomes into the file; those of other scenarios stay. */
export function mergeScenarios(outcomes) {
  mkdirSync(join(repository, "reports"), { recursive: true });
  const merged = Object.entries({ ...former(), ...outcomes }).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(`${path}.new`, `${JSON.stringify(Object.fromEntries(merged), null, 2)}\n`);
  renameSync(`${path}.new`, path);
}
