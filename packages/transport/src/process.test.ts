// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { realClock, silentLogger } from "@nsm/core";
import { testIdentity, testIdentitySource } from "@nsm/testkit";
import { build } from "esbuild";
import { mutualTls } from "./security/index.js";
import { TestSockets } from "./testing/pair.js";

const here = dirname(fileURLToPath(import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "nsm-client-"));
const program = join(directory, "client.mjs");
const own = testIdentity({ spiffeId: "spiffe://test.com/parent", clock: realClock });
const security = mutualTls(
  { ...testIdentitySource(own), verifyPeer: () => own.peer },
  { clock: realClock, log: silentLogger },
);

let sockets: TestSockets;
let child: ChildProcess | undefined;
beforeAll(async () => {
  await build({
    entryPoints: [join(here, "testing/fixtures/client.ts")],
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
  symlinkSync(join(here, "../../../node_modules"), join(directory, "node_modules"));
}, 60_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await sockets.close();
});

describe.each([
  ["unix", "plain"],
  ["unix", "tls"],
  ["tcp", "plain"],
  ["tcp", "tls"],
] as const)("a process with a channel over %s, %s", (kind, secured) => {
  const start = async (then: "idle" | "busy") => {
    let stuck: () => void = () => {};
    const isStuck = new Promise<void>((resolve) => (stuck = resolve));
    const server = await sockets.serve(
      [sockets.url(kind)],
      {
        networkService: {
          name: "answering",
          request: (_ctx, { connection }) => {
            if (connection.id === "answered") return Promise.resolve(connection);
            stuck();
            return new Promise(() => {});
          },
        },
      },
      secured === "tls" ? { security } : {},
    );
    const started = spawn(process.execPath, [program, server.url.href, secured, then], { stdio: "inherit" });
    child = started;
    return { server, child: started, exited: once(started, "exit"), isStuck };
  };

  it("ends by itself while the channel is idle", async () => {
    const { server, exited } = await start("idle");
    expect(await exited).toEqual([0, null]);
    while (server.statistics().connections !== 0) await new Promise(setImmediate);
  });

  it("lives on for a call, and leaves nothing when it is killed", async () => {
    const { server, child, exited, isStuck } = await start("busy");
    await isStuck;
    expect(child.exitCode).toBeNull();
    child.kill("SIGKILL");
    expect(await exited).toEqual([null, "SIGKILL"]);
    while (server.statistics().connections !== 0 || server.statistics().calls !== 0)
      await new Promise(setImmediate);
  });
});
