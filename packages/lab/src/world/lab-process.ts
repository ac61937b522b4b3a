// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { ownChild } from "./children.js";
import type { NamespaceHolder } from "./namespace-holder.js";
import { Hopeless } from "./wait.js";

/** A daemon to be run in a pod or node. */
export interface ProcessSpec {
  /** Unique in the lab; names the log file. */
  readonly name: string;
  /** Program and its arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** File that stdout and stderr are appended to. */
  readonly logPath: string;
  /** True when the process reads lines that `LabProcess.send` writes; else its stdin is empty. */
  readonly takesLines?: boolean;
}

/** A running daemon. */
export interface LabProcess {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  readonly running: boolean;
  /** Settles with the exit code (128 + n for signal n). */
  readonly exited: Promise<number>;
  /** Everything written so far, by earlier processes of its name, too. */
  log(): string;
  /** What this process has written so far. */
  ownLog(): string;
  /** SIGKILL of the process alone (K1). */
  kill(): Promise<void>;
  /** SIGTERM (K3), then SIGKILL after `graceMs` milliseconds (default 10 s). @returns the exit code */
  stop(graceMs?: number): Promise<number>;
  signal(signal: NodeJS.Signals): void;
  /** Writes a line into the stdin of a process that takes lines. */
  send(line: string): void;
}

const LAST_LINES = 8;

/** @throws Hopeless with its last words when a process has ended */
export function mustRun(process: LabProcess): void {
  if (process.running) return;
  const lines = process.log().trimEnd().split("\n").slice(-LAST_LINES);
  throw new Hopeless(`${process.name} has ended:\n${lines.map((line) => `    ${line}`).join("\n")}`);
}

/** Starts a daemon inside a holder's namespaces, in a session of its own: Ctrl-C reaches the lab only. */
export function startProcess(spec: ProcessSpec, holder: NamespaceHolder): LabProcess {
  mkdirSync(dirname(spec.logPath), { recursive: true });
  const log = openSync(spec.logPath, "a");
  const { size: startBytes } = fstatSync(log);
  const [program = "", ...programArgs] = spec.command;
  const { command, args } = holder.enter(program, programArgs);
  const child = ownChild(
    spawn(command, args, {
      stdio: [spec.takesLines === true ? "pipe" : "ignore", log, log],
      env: { PATH: process.env.PATH, HOME: "/run", ...spec.env },
      detached: true,
    }),
  );
  closeSync(log);
  return labProcess(spec, child, startBytes);
}

const signalNumber: Readonly<Record<string, number>> = {
  SIGKILL: 9,
  SIGTERM: 15,
  SIGINT: 2,
  SIGABRT: 6,
  SIGSEGV: 11,
};

/** @param startBytes size of the log when the process was started */
function labProcess(spec: ProcessSpec, child: ChildProcess, startBytes: number): LabProcess {
  const exited = once(child, "exit").then(
    ([code, signal]: (number | string | null)[]) =>
      typeof code === "number" ? code : 128 + (signalNumber[String(signal)] ?? 0),
    () => 127,
  );
  // Lines for a process that has ended are lost
  child.stdin?.on("error", () => {});
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    name: spec.name,
    pid: child.pid ?? -1,
    logPath: spec.logPath,
    get running() {
      return running();
    },
    exited,
    log: () => readFileSync(spec.logPath, "utf8"),
    ownLog: () => readFileSync(spec.logPath).subarray(startBytes).toString("utf8"),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async stop(graceMs = 10_000) {
      if (!running()) return await exited;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
    signal: (signal) => void child.kill(signal),
    send: (line) => void child.stdin?.write(`${line}\n`),
  };
}
