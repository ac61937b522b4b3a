// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { realClock, silentLogger } from "@nsm/core";
import { workloadApiSource } from "@nsm/identity";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nsm-"));
const program = join(folder, "workload-api.mjs");
const running = new Set<ChildProcess>();

beforeAll(async () => {
  await build({
    entryPoints: [join(here, "bin", "workload-api.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["nsm-source"],
    external: ["koffi"],
    banner: {
      js: 'import { createRequire as make } from "node:module"; const require = make(import.meta.url);',
    },
    logLevel: "silent",
  });
}, 60_000);
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  let text = "";
  let look = (): void => {};
  child.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    look();
  });
  const said = (words: string): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (text.includes(words)) resolve();
      };
      look();
    });
  return { child, said, text: () => text };
}

it("gives each socket's workload its identity until it is told to stop", async () => {
  const socket = join(folder, "nsc.sock");
  const { child, said } = start("--directory", join(folder, "ca"), `${socket}=ns/default/pod/nsc`);
  await said("Ctrl-C ends it");
  const source = await workloadApiSource({
    endpoint: `unix://${socket}`,
    clock: realClock,
    log: silentLogger,
  });
  expect(source.current().spiffeId).toBe("spiffe://k8s.nsm/ns/default/pod/nsc");
  source.close();
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(existsSync(socket)).toBe(false);
});

it.each([
  [[], "no workload is named"],
  [["nsc.sock=nsc"], "not an absolute path"],
  [["--ttl", "soon", "/tmp/a.sock=a"], "not a number of seconds"],
  [["--trust-domain", "Not.One", "/tmp/a.sock=a"], "is not a trust domain"],
])("%j is refused with what is wrong and the usage", async (args, words) => {
  const { child, text } = start(...args);
  const [code] = await once(child, "close");
  expect(code).toBe(2);
  expect(text()).toContain(words);
  expect(text()).toContain("usage: npm run workload-api");
});
