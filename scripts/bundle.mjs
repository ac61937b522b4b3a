// SPDX-License-Identifier: Apache-2.0
/**
 * Bundles daemons and tools into one file each, koffi left outside. What did not change since the last run is
 * skipped.
 *
 *   apps/<name>/src/main.ts          → apps/<name>/dist/main.mjs
 *   packages/<name>/src/bin/<x>.ts   → packages/<name>/dist/<x>.mjs
 *   test/<name>/world.ts, bench.ts   → test/<name>/dist/…
 *
 *   node scripts/bundle.mjs [--force] [output…]
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** CommonJS inside an ESM bundle calls `require`. */
const banner = [
  'import { createRequire as nsmCreateRequire } from "node:module";',
  "const require = nsmCreateRequire(import.meta.url);",
].join(" ");

const options = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  conditions: ["nsm-source"],
  external: ["koffi"],
  banner: { js: banner },
  sourcemap: "external",
  legalComments: "none",
  metafile: true,
  logLevel: "silent",
  absWorkingDir: root,
};

const list = (folder) => (existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []);

/** Every entry point with its output, both relative to the repository. */
function entries() {
  const apps = list("apps").map((app) => ({
    entry: `apps/${app}/src/main.ts`,
    out: `apps/${app}/dist/main.mjs`,
  }));
  const bins = list("packages").flatMap((name) =>
    list(`packages/${name}/src/bin`)
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => ({
        entry: `packages/${name}/src/bin/${file}`,
        out: `packages/${name}/dist/${basename(file, ".ts")}.mjs`,
      })),
  );
  const tests = list("test").flatMap((name) =>
    ["world", "bench"].map((file) => ({
      entry: `test/${name}/${file}.ts`,
      out: `test/${name}/dist/${file}.mjs`,
    })),
  );
  return [...apps, ...bins, ...tests].filter(({ entry }) => existsSync(join(root, entry)));
}

/** What a bundle depends on: its inputs by content, the options, esbuild and the lock of the dependencies. */
function digest(inputs, version) {
  const hash = createHash("sha256").update(JSON.stringify([options, version]));
  for (const input of inputs) {
    hash.update(`\0${input}\0`);
    hash.update(existsSync(join(root, input)) ? readFileSync(join(root, input)) : "absent");
  }
  return hash.digest("hex");
}

/** @returns whether it had to be built */
async function bundleOne({ entry, out }, { build, version }, force) {
  const outfile = join(root, out);
  const stampFile = outfile.replace(/\.mjs$/, ".inputs.json");
  if (!force && existsSync(stampFile) && existsSync(outfile)) {
    const stamp = JSON.parse(readFileSync(stampFile, "utf8"));
    if (digest(stamp.inputs, version) === stamp.digest) return false;
  }
  const result = await build({ ...options, entryPoints: [entry], outfile });
  const inputs = [...Object.keys(result.metafile.inputs), "package-lock.json"].sort();
  mkdirSync(dirname(outfile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify({ digest: digest(inputs, version), inputs }));
  return true;
}

/**
 * Bundles what changed; ends the process with esbuild's messages when something does not compile.
 * @param {{ force?: boolean, only?: string[] }} [choice] only: outputs whose path contains one of these words
 * @returns outputs that were built
 */
export async function bundle({ force = false, only = [] } = {}) {
  // Imported late: it may have been installed just now
  const esbuild = await import("esbuild");
  const chosen = entries().filter(({ out }) => only.length === 0 || only.some((word) => out.includes(word)));
  if (chosen.length === 0) throw new Error(`nothing to bundle matches: ${only.join(", ")}`);
  try {
    const built = await Promise.all(chosen.map((entry) => bundleOne(entry, esbuild, force)));
    return chosen.filter((_, i) => built[i]).map(({ out }) => out);
  } catch (error) {
    for (const { text, location } of error.errors ?? []) {
      const place = location ? `${location.file}:${location.line}:${location.column}: ` : "";
      console.error(`${place}${text}`);
    }
    if (error.errors === undefined) console.error(error);
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const startedMs = performance.now();
  const built = await bundle({
    force: args.includes("--force"),
    only: args.filter((arg) => !arg.startsWith("--")),
  });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`bundled ${built.length === 0 ? "nothing, all up to date" : built.join(", ")} in ${seconds} s`);
}
