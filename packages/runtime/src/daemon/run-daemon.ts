// SPDX-License-Identifier: Apache-2.0
import { writeSync } from "node:fs";
import { Code, type Daemon, Scope, StatusError } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import {
  describeProblem,
  EnvError,
  type EnvSpec,
  mergeEnv,
  readEnv,
  type ValuesOf,
  type Variables,
} from "../env/define-env.js";
import { envMarkdown, envTable } from "../env/env-table.js";
import { createLog, type ProcessLog } from "../log/process-log.js";
import { type ConfigHost, configHost } from "./config-host.js";
import { hostDaemon } from "./host-daemon.js";
import { openPorts } from "./open-ports.js";
import { type SharedEnv, sharedEnv } from "./shared-env.js";
import { levelSignals, stopSignal } from "./signals.js";

/** The settings that `runDaemon` itself looks at. */
export interface HostedConfig {
  /** Names the daemon in its tokens; default: the daemon's kind. */
  readonly name?: string;
  /** Addresses served; absent for a daemon that serves none. */
  readonly listenOn?: URL | readonly URL[];
}

/** A daemon and its settings. */
export interface RunDaemonOptions<V extends Variables, C extends HostedConfig> {
  /** Kind of the daemon, for example `nsmgr`. */
  readonly name: string;
  /** The daemon's own variables; those of {@link sharedEnv} are added. */
  readonly spec: EnvSpec<V>;
  /** Turns the environment into the daemon's settings. */
  configure(env: ValuesOf<V> & SharedEnv, host: ConfigHost): C;
  build(config: C, ports: Ports): Daemon | Promise<Daemon>;
}

/** The Markdown table of an app's whole environment, own variables first; for its README. */
export function appEnvMarkdown(spec: EnvSpec<Variables>): string {
  return envMarkdown(wholeEnv(spec));
}

/** Own variables first; an own variable replaces a shared one of the same key. */
function wholeEnv<V extends Variables>(spec: EnvSpec<V>) {
  return mergeEnv(spec, { prefix: spec.prefix, variables: { ...sharedEnv.variables, ...spec.variables } });
}

/** Reason of what a signal ended before the daemon ran. */
const STOPPED = "STOPPED";

/** Below kubelet's 30 s between SIGTERM and SIGKILL. */
const STOP_TIMEOUT_MS = 20_000;

/**
 * Runs one daemon as this process, from environment to exit code; never returns before the process ends.
 *
 * - `--help` prints the environment table (`--help-markdown`: for a README) and exits 0; a wrong environment prints every problem and the table
 *   and exits 1.
 * - It waits for its identity from the SPIFFE Workload API; without one it runs only with `NSM_INSECURE=true`.
 * - SIGINT, SIGHUP, SIGTERM, SIGQUIT stop it in order and it exits 0; a second one exits at once. SIGUSR1 and
 *   SIGUSR2 change the log level.
 * - A socket that cannot be bound, a start that fails and an unhandled rejection exit 1.
 *
 * Upstream: the `main` functions of the `cmd-*` repositories. They exit 0 when binding fails; this does not.
 */
export async function runDaemon<V extends Variables, C extends HostedConfig>(
  options: RunDaemonOptions<V, C>,
): Promise<void> {
  const spec = wholeEnv(options.spec);
  answerHelp(spec);
  const env = readProcessEnv(spec) as ValuesOf<V> & SharedEnv;
  const processLog = openLog({ level: env.logLevel, format: env.logFormat });
  const { log } = processLog;
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.fatal(
        { err: error, stack: stackOf(error) },
        event === "uncaughtException" ? "uncaught exception" : "unhandled rejection",
      );
      process.exit(1);
    });
  }
  levelSignals(process, processLog, env.logLevel);
  const stopRequested = stopSignal(process, log);
  const undo = new Scope();
  const stopping = new AbortController();
  void stopRequested.then((reason) =>
    stopping.abort(new StatusError(Code.CANCELLED, `stopped by ${reason}`, { reason: STOPPED })),
  );
  try {
    const config = options.configure(env, configHost(undo));
    log.info({ config }, "configuration");
    const host = await openPorts({
      kind: options.name,
      env,
      config,
      log,
      undo,
      signal: stopping.signal,
    });
    const daemon = await options.build(config, host.ports);
    const exitCode = await hostDaemon({
      daemon,
      clock: host.clock,
      log,
      listen: () => host.listen(daemon),
      release: () => undo.run(),
      stopRequested,
      stopTimeoutMs: STOP_TIMEOUT_MS,
      onStarted: () => log.info({}, `Startup completed in ${Math.round(performance.now())}ms`),
    });
    process.exit(exitCode);
  } catch (error) {
    const stopped = stopping.signal.aborted;
    if (!stopped) log.fatal({ err: error }, "cannot start");
    await undo.run().catch((cause: unknown) => log.error({ err: cause }, "stop was not clean"));
    process.exit(stopped ? 0 : 1);
  }
}

function answerHelp(spec: EnvSpec<Variables>): void {
  const text = new Map([
    ["-h", envTable],
    ["--help", envTable],
    ["--help-markdown", envMarkdown],
  ]).get(process.argv[2] ?? "")?.(spec);
  if (text === undefined) return;
  writeSync(1, text);
  process.exit(0);
}

function openLog(options: Pick<Parameters<typeof createLog>[0], "level" | "format">): ProcessLog {
  return createLog({ ...options, fields: { cmd: process.argv[1] ?? process.argv0 } });
}

function readProcessEnv<V extends Variables>(spec: EnvSpec<V>): ValuesOf<V> {
  try {
    return readEnv(spec, process.env);
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    const { log } = openLog({
      level: "info",
      format: process.env.NSM_LOG_FORMAT === "json" ? "json" : "text",
    });
    for (const problem of error.problems) log.fatal({}, describeProblem(problem));
    writeSync(1, envTable(spec));
    process.exit(1);
  }
}

const stackOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "stack" in error ? String(error.stack) : undefined;
