// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:os";
import type { Logger, LogLevel } from "@nsm/core";
import type { ProcessLog } from "../log/process-log.js";

/** Where signals come from and where an exit code goes; `process` in a daemon. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
}

const stopSignals = ["SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT"] as const;

/**
 * Resolves with the name of the first SIGINT, SIGHUP, SIGTERM or SIGQUIT. A second one exits at once with 128
 * plus its number.
 */
export function stopSignal(source: SignalSource, log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of stopSignals) {
      source.on(signal, () => {
        if (stopping) {
          log.warn({ signal }, "second signal: exit at once");
          source.exit(128 + constants.signals[signal]);
        }
        stopping = true;
        resolve(signal);
      });
    }
  });
}

/**
 * SIGUSR1 writes everything (TRACE), SIGUSR2 goes back to the configured level, as upstream's
 * `logruslogger/levelctl`. Both do nothing, with a warning at start, when the configured level is TRACE already.
 */
export function levelSignals(source: SignalSource, processLog: ProcessLog, configured: LogLevel): void {
  const { log } = processLog;
  if (configured === "trace") {
    log.warn({}, "log level is TRACE already: SIGUSR1 and SIGUSR2 change nothing");
  }
  const change = (level: LogLevel) => (): void => {
    if (configured === "trace") return;
    processLog.setLevel(level);
    // written at the level just set, so that it shows whichever it is
    log[level === "trace" ? "info" : level]({ to: level }, "log level changed");
  };
  // the handlers stay in any case: without them Node opens its inspector on SIGUSR1 and dies of SIGUSR2
  source.on("SIGUSR1", change("trace"));
  source.on("SIGUSR2", change(configured));
}
