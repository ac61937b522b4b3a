// SPDX-License-Identifier: Apache-2.0
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { realClock, silentLogger } from "@nsm/core";
import { DevelopmentCa, serveWorkloadApi } from "@nsm/identity/development-ca";
import { build } from "esbuild";

/** A daemon that does what NSM_MODE says and writes a trace record every few milliseconds. */
const program = `
  import { bool, defineEnv, goDuration, optionalUrl, runDaemon, string } from "@nsm/runtime";
  await runDaemon({
    name: "fixture",
    spec: defineEnv("NSM", {
      mode: string({ default: "run", desc: "what to do" }),
      listenOn: optionalUrl({ desc: "address" }),
      periodMs: goDuration({ env: "PERIOD", default: "5ms", desc: "time between records" }),
    }),
    configure: (env, host) => ({
      ...env,
      listenOn: env.listenOn ?? (env.mode === "temporary" ? host.temporarySocket("fixture") : []),
    }),
    build: ({ mode, periodMs }, { clock, log, servedUrls }) => {
      const tick = () => {
        log.trace({}, "tick");
        clock.setTimeout(tick, periodMs);
      };
      return {
        services: {},
        async start() {
          if (mode === "fail") throw new Error("no registry");
          log.info({ urls: servedUrls().map(String) }, "serving");
          tick();
          if (mode === "reject") void Promise.reject(new Error("forgotten"));
        },
        async stop() {
          log.info({}, "daemon stopped");
          if (mode === "hang") await new Promise(() => {});
        },
        statistics: () => ({ connections: 2 }),
        totals: () => ({ requests: 7 }),
      };
    },
  });
`;
const directory = mkdtempSync(join(tmpdir(), "nsm-run-"));
const main = join(directory, "main.mjs");
const here = dirname(fileURLToPath(import.meta.url));

beforeAll(async () => {
  await build({
    stdin: { contents: program, resolveDir: here, loader: "ts" },
    outfile: main,
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
  symlinkSync(join(here, "../../../../node_modules"), join(directory, "node_modules"));
}, 60_000);
const running = new Set<ChildProcessWithoutNullStreams>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** Starts the fixture with only the given environment. */
function daemon(env: Record<string, string>, args: string[] = []) {
  const child = spawn(process.execPath, [main, ...args], { env: { TMPDIR: directory, ...env } });
  running.add(child);
  let err = "";
  let out = "";
  const watchers = new Set<() => void>();
  child.stdout.on("data", (part: Buffer) => {
    out += part.toString();
  });
  child.stderr.on("data", (part: Buffer) => {
    err += part.toString();
    for (const watcher of watchers) watcher();
  });
  const exit = new Promise<{ code: number | null; out: string; err: string; lines: string[] }>((resolve) => {
    child.on("close", (code) => {
      running.delete(child);
      resolve({ code, out, err, lines: err.trimEnd().split("\n") });
    });
  });
  /** Resolves when the log holds `text` behind what it held at the call. */
  const logged = (text: string, from = 0) =>
    new Promise<string>((resolve) => {
      const look = (): void => {
        if (err.slice(from).includes(text)) {
          watchers.delete(look);
          resolve(err);
        }
      };
      watchers.add(look);
      look();
    });
  return { child, exit, logged, length: () => err.length };
}
const insecure = { NSM_INSECURE: "true" };

it("--help prints the environment table and exits 0", async () => {
  const { code, out, err } = await daemon({}, ["--help"]).exit;
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/^NSM_PERIOD +Duration +5ms +time between records$/m);
  expect(out).toMatch(/^SPIFFE_ENDPOINT_SOCKET +String /m);
});

it("a wrong environment reports every problem, prints the table and exits 1", async () => {
  const env = { NSM_PERIOD: "5", NSM_INSECURE: "", NSM_LOG_LEVEL: "loud", NSM_UNKNOWN: "x" };
  const { code, out, lines } = await daemon(env).exit;
  expect(code).toBe(1);
  expect(out).toContain("KEY ");
  expect(lines.map((line) => /\[FATA\] \[cmd:[^\]]*\] (\w+)=/.exec(line)?.[1])).toEqual([
    "NSM_PERIOD",
    "NSM_LOG_LEVEL",
    "NSM_INSECURE",
  ]);
});

it("without identity it refuses to run and names both variables", async () => {
  const { code, err } = await daemon({}).exit;
  expect(code).toBe(1);
  expect(err).toMatch(/\[FATA\].*SPIFFE_ENDPOINT_SOCKET is not set and NSM_INSECURE is not true/);
});

describe("with SPIFFE_ENDPOINT_SOCKET", () => {
  const socketPath = join(directory, "agent.sock");
  const env = { SPIFFE_ENDPOINT_SOCKET: `unix://${socketPath}` };

  it("it waits for the Workload API, says so, and a signal ends the wait with exit code 0", async () => {
    const { child, exit, logged } = daemon(env);
    await logged("waiting for the first SVID");
    child.kill("SIGTERM");
    const { code, err } = await exit;
    expect(code).toBe(0);
    expect(err).not.toMatch(/\[FATA\]|serving/);
  });

  it("it starts once the Workload API is there, as who that says, and serves on when it goes", async () => {
    const { child, exit, logged } = daemon(env);
    await logged("waiting for the first SVID");
    const spiffeId = "spiffe://k8s.nsm/ns/default/pod/fixture";
    const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock: realClock });
    const workloads = [{ socketPath, spiffeId }];
    const api = await serveWorkloadApi({ ca, workloads, clock: realClock, log: silentLogger });
    expect(await logged("Startup completed")).toContain(`SVID: "${spiffeId}"`);
    await api.stop();
    child.kill("SIGTERM");
    expect((await exit).code).toBe(0);
  });

  it("an address that is none is told, and exits 1", async () => {
    const { code, err } = await daemon({ SPIFFE_ENDPOINT_SOCKET: "http://agent" }).exit;
    expect(code).toBe(1);
    expect(err).toMatch(/\[FATA\].*SPIFFE_ENDPOINT_SOCKET/);
  });
});

it.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const)(
  "%s stops it in order with exit code 0",
  async (signal) => {
    const running = daemon({ ...insecure, NSM_MODE: "temporary" });
    const log = await running.logged("Startup completed in ");
    expect(log).toMatch(/\[WARN\].*NSM_INSECURE=true: running without workload identity/);
    const socket = /\[urls:\["unix:\/\/([^"]*)"\]\]/.exec(log)?.[1] ?? "";
    expect(socket).toMatch(/\/fixture\w{6}\/listen\.on$/);
    expect(existsSync(socket)).toBe(true);
    running.child.kill(signal);
    const { code, err } = await running.exit;
    expect(code).toBe(0);
    expect(err).toMatch(new RegExp(`\\[reason:${signal}\\] stopping\n.*daemon stopped\n$`));
    expect(existsSync(dirname(socket))).toBe(false);
  },
);

it("a second signal exits at once", async () => {
  const running = daemon({ ...insecure, NSM_MODE: "hang" });
  await running.logged("Startup completed in ");
  running.child.kill("SIGTERM");
  await running.logged("daemon stopped");
  running.child.kill("SIGTERM");
  expect((await running.exit).code).toBe(128 + 15);
});

it("SIGUSR1 writes everything and SIGUSR2 goes back, without a restart (OBS-05)", async () => {
  const running = daemon(insecure);
  expect(await running.logged("Startup completed in ")).not.toContain("[TRAC]");
  running.child.kill("SIGUSR1");
  expect(await running.logged("tick")).toMatch(/\[TRAC\] \[cmd:[^\]]*\] tick/);
  running.child.kill("SIGUSR2");
  await running.logged("[to:info] log level changed");
  const after = running.length();
  running.child.kill("SIGTERM");
  const { code, err } = await running.exit;
  expect(code).toBe(0);
  expect(err.slice(after)).not.toContain("[TRAC]");
});

it.each([
  ["a start that fails", { NSM_MODE: "fail" }, "[err:no registry] daemon failed"],
  ["a socket that cannot be bound", { NSM_LISTEN_ON: `unix://${main}/listen.on` }, "daemon failed"],
  ["an unhandled rejection", { NSM_MODE: "reject" }, "unhandled rejection"],
  ["a token lifetime below a second", { NSM_MAX_TOKEN_LIFETIME: "10ms" }, "below one second"],
])("%s exits 1 with a FATA record", async (_title, env, text) => {
  const { code, lines } = await daemon({ ...insecure, ...env }).exit;
  expect(code).toBe(1);
  expect(lines.filter((line) => line.includes("[FATA]") && line.includes(text))).toHaveLength(1);
});

it("NSM_DEBUG_LISTEN_ON serves what is held", async () => {
  const socketPath = join(directory, "debug.sock");
  const running = daemon({
    ...insecure,
    NSM_DEBUG_LISTEN_ON: `unix://${socketPath}`,
    NSM_LOG_FORMAT: "json",
  });
  await running.logged("Startup completed in ");
  const body = await new Promise<string>((resolve, reject) => {
    const call = request({ socketPath, path: "/", agent: false }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => {
        text += part.toString();
      });
      response.on("end", () => resolve(text));
    });
    call.on("error", reject);
    call.end();
  });
  expect(JSON.parse(body)).toMatchObject({
    timers: 1,
    daemon: { connections: 2 },
    totals: { requests: 7 },
    transport: { listeners: 0, connections: 0, calls: 0, channels: 0 },
    descriptors: { socket: expect.any(Number) },
    memoryBytes: { rss: expect.any(Number) },
  });
  running.child.kill("SIGTERM");
  const { code, lines } = await running.exit;
  expect(code).toBe(0);
  expect(lines.map((line) => JSON.parse(line).msg)).toContain("daemon stopped");
  expect(existsSync(socketPath)).toBe(false);
});
