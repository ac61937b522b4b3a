// SPDX-License-Identifier: Apache-2.0

/** Levels of the log, least urgent first (the names of logrus that upstream's `NSM_LOG_LEVEL` takes). */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

/** Writes one record: data first, a constant message second. */
export type LogFunction = (fields: object, message: string) => void;

/** A structured log; pino's logger satisfies it. Tokens never go into `fields`. */
export type Logger = Readonly<Record<LogLevel, LogFunction>> & {
  /** A logger that adds `fields` to every record. */
  child(fields: Record<string, unknown>): Logger;
  /** Whether records of `level` are written: compute expensive fields only then. */
  isLevelEnabled(level: LogLevel): boolean;
};

const discard: LogFunction = () => {};

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  trace: discard,
  debug: discard,
  info: discard,
  warn: discard,
  error: discard,
  fatal: discard,
  child: () => silentLogger,
  isLevelEnabled: () => false,
};
