// SPDX-License-Identifier: Apache-2.0
import { type Logger, type LogLevel, silentLogger } from "@nsm/core";

/** One record of a {@link recordingLog}. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log for tests that keeps what is written. */
export interface RecordingLog {
  readonly log: Logger;
  readonly records: readonly LogRecord[];
  /** Resolves with the next record whose message contains `text`. */
  next(text: string): Promise<LogRecord>;
}

/** Makes a log that keeps what is written. */
export function recordingLog(): RecordingLog {
  const records: LogRecord[] = [];
  const waiting: { readonly text: string; readonly resolve: (record: LogRecord) => void }[] = [];
  const at =
    (level: LogLevel) =>
    (fields: object, message: string): void => {
      const record = { level, message, fields: { ...fields } };
      records.push(record);
      for (const waiter of waiting.filter(({ text }) => message.includes(text))) {
        waiting.splice(waiting.indexOf(waiter), 1);
        waiter.resolve(record);
      }
    };
  const log: Logger = {
    ...silentLogger,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => log,
    isLevelEnabled: () => true,
  };
  return { log, records, next: (text) => new Promise((resolve) => waiting.push({ text, resolve })) };
}
