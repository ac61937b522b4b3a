// SPDX-License-Identifier: Apache-2.0
import type { LogLevel } from "@nsm/core";
import { createLog } from "../log/process-log.js";
import { levelSignals, stopSignal } from "./signals.js";

/** A process that only takes signals. */
function fakeProcess() {
  const listeners = new Map<string, () => void>();
  const exits: number[] = [];
  return {
    exits,
    send: (signal: string) => listeners.get(signal)?.(),
    on: (signal: string, listener: () => void) => void listeners.set(signal, listener),
    exit: (code: number) => void exits.push(code),
  };
}

function logAt(level: LogLevel) {
  const lines: string[] = [];
  return { lines, processLog: createLog({ level, write: (line) => lines.push(line) }) };
}

it.each(["SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT"])("the first %s asks for a stop", async (signal) => {
  const source = fakeProcess();
  const stopped = stopSignal(source, logAt("info").processLog.log);
  source.send(signal);
  expect(await stopped).toBe(signal);
  expect(source.exits).toEqual([]);
});

it("a second signal exits at once with 128 plus its number", async () => {
  const source = fakeProcess();
  void stopSignal(source, logAt("info").processLog.log);
  source.send("SIGTERM");
  source.send("SIGINT");
  expect(source.exits).toEqual([130]);
});

it("SIGUSR1 writes everything, SIGUSR2 goes back to the configured level (OBS-05)", () => {
  const source = fakeProcess();
  const { processLog, lines } = logAt("warn");
  levelSignals(source, processLog, "warn");
  source.send("SIGUSR1");
  expect(processLog.level).toBe("trace");
  source.send("SIGUSR2");
  expect(processLog.level).toBe("warn");
  expect(lines.map((line) => line.slice(20))).toEqual([
    "[INFO] [to:trace] log level changed\n",
    "[WARN] [to:warn] log level changed\n",
  ]);
});

it("with TRACE configured both level signals do nothing and a warning says so (OBS-05)", () => {
  const source = fakeProcess();
  const { processLog, lines } = logAt("trace");
  levelSignals(source, processLog, "trace");
  source.send("SIGUSR1");
  source.send("SIGUSR2");
  expect(processLog.level).toBe("trace");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("[WARN] log level is TRACE already");
});
