// SPDX-License-Identifier: Apache-2.0
/**
 * Set-up shared by the other scripts: installs what is missing, bundles, tells the seconds. Node only.
 *
 *   node scripts/setup.mjs [--omit=dev]   installs; --omit=dev: without what lint and tests need
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const stampPath = join(repository, "node_modules", ".nsm-installed.json");
const MINIMUM_NODE = [20, 19];

const lockHash = () => {
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", "package.json"]) hash.update(readFileSync(join(repository, file)));
  return hash.digest("hex");
};

const readStamp = () => {
  try {
    return JSON.parse(readFileSync(stampPath, "utf8"));
  } catch {
    return {};
  }
};

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
  console.error(`Node ${MINIMUM_NODE.join(".")} or later is needed, this is ${process.versions.node}`);
  process.exit(1);
}

/** Runs a command and ends the process with its output when it fails. */
export function mustRun(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: repository,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  });
  if (status === 0) return stdout ?? "";
  console.error(
    `${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ` with exit code ${status}`}`,
  );
  console.error(stdout ?? "", stderr ?? "");
  process.exit(1);
}

/**
 * Installs the dependencies unless they are there already.
 * @param {{ dev: boolean }} options dev: also what lint and tests need
 * @returns seconds it took
 */
export function install({ dev }) {
  requireNode();
  const startMs = performance.now();
  const stamp = readStamp();
  const hash = lockHash();
  if (stamp.hash === hash && (stamp.dev || !dev) && stamp.node === process.versions.modules) return 0;
  // What lint and tests need stays where it was installed before
  const withDev = dev || existsSync(join(repository, "node_modules", "jest"));
  const lockBefore = readFileSync(join(repository, "package-lock.json"), "utf8");
  const npm = process.env.npm_execpath;
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
  if (!withDev) args.push("--omit=dev");
  if (npm?.endsWith(".js")) mustRun(process.execPath, [npm, ...args]);
  else mustRun("npm", args);
  if (readFileSync(join(repository, "package-lock.json"), "utf8") !== lockBefore) {
    console.error("installing changed package-lock.json: package.json and the lock disagree");
    process.exit(1);
  }
  writeFileSync(stampPath, JSON.stringify({ hash, dev: withDev, node: process.versions.modules }));
  return (performance.now() - startMs) / 1000;
}

/** Bundles daemons and tools unless they are up to date. @returns seconds it took */
export async function build() {
  const startMs = performance.now();
  const { bundle } = await import("./bundle.mjs");
  await bundle();
  return (performance.now() - startMs) / 1000;
}

/** `[ 41.2 s] installed` */
export const phase = (seconds, text) => `[${seconds.toFixed(1).padStart(5)} s] ${text}`;

/** True when a file below the repository exists. */
export const exists = (path) => existsSync(join(repository, path));

if (process.argv[1] === fileURLToPath(import.meta.url))
  install({ dev: !process.argv.includes("--omit=dev") });
