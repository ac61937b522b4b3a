// SPDX-License-Identifier: Apache-2.0
/**
 * Builds the Go peers of test/interop/go into test/interop/dist/go. The first time takes minutes, afterwards go's own
 * cache leaves a second.
 *
 *   node scripts/go-peers.mjs
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { phase, repository } from "./setup.mjs";

const source = join(repository, "test", "interop", "go");
const folder = join(repository, "test", "interop", "dist", "go");
const FETCH_BOUND_MS = 180_000;
const BUILD_BOUND_MS = 900_000;
/** Errors of go that say more than the others. */
const SHOWN_LINES = 5;

/** Never another toolchain than the one here, no compiler for C, exactly the modules of go.mod and go.sum. */
const env = { ...process.env, GOTOOLCHAIN: "local", CGO_ENABLED: "0", GOWORK: "off" };

function go(boundMs, ...args) {
  const { status, stderr, error } = spawnSync("go", args, {
    cwd: source,
    env,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    timeout: boundMs,
  });
  if (status === 0) return undefined;
  if (error?.code === "ENOENT") return "go is not installed";
  if (error?.code === "ETIMEDOUT") return `go ${args[0]} took longer than ${boundMs / 60_000} minutes`;
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("go: downloading"));
  return lines.slice(0, SHOWN_LINES).join("; ") || `go ${args[0]}: ${error ?? status}`;
}

/**
 * Builds the peers unless they are up to date.
 * @returns {{ folder: string, missing?: string, failure?: string, seconds: number }} folder: where the programs are;
 *   missing: why they cannot be built here; failure: the source does not compile
 */
export function buildGoPeers() {
  const startMs = performance.now();
  if (!existsSync(folder)) console.log("building Go peers, which takes minutes the first time");
  mkdirSync(folder, { recursive: true });
  // Fetches the modules that the peers are made of, and compiles nothing
  const list = ["list", "-mod=readonly", "-deps", "-f", "{{.ImportPath}}", "./cmd/..."];
  // It is printed for every scenario, and go says the same of every import
  const [missing] = go(FETCH_BOUND_MS, ...list)?.split("; ") ?? [];
  const build = [
    "build",
    "-mod=readonly",
    "-buildvcs=false",
    "-trimpath",
    "-ldflags=-s -w",
    "-o",
    `${folder}/`,
  ];
  const failure = missing === undefined ? go(BUILD_BOUND_MS, ...build, "./cmd/...") : undefined;
  return { folder, missing, failure, seconds: (performance.now() - startMs) / 1000 };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { missing, failure, seconds } = buildGoPeers();
  const outcome = missing ?? failure;
  console.log(
    phase(seconds, outcome === undefined ? `Go peers built in ${folder}` : `no Go peers: ${outcome}`),
  );
  process.exitCode = outcome === undefined ? 0 : 1;
}
