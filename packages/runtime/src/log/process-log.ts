// SPDX-License-Identifier: Apache-2.0
import type { Logger, LogLevel } from "@nsm/core";
import { type DestinationStream, type Logger as Pino, pino, stdSerializers } from "pino";
import { withoutControl } from "./control-characters.js";
import { formatLine } from "./line.js";
import { redact } from "./redact.js";

/** `text`: upstream's line shape; `json`: pino's, one object per line. */
export type LogFormat = "text" | "json";

/** What {@link createLog} needs. */
export interface LogOptions {
  readonly level: LogLevel;
  /** Default `text`. */
  readonly format?: LogFormat;
  /** Fields of every record, for example `{ cmd: "/bin/nsmgr" }`. */
  readonly fields?: Record<string, unknown>;
  /** Gets whole lines. Default: standard error, written before the call returns. */
  readonly write?: (line: string) => void;
}

/** A log whose level can change while loggers made from it are in use. */
export interface ProcessLog {
  readonly log: Logger;
  /** Level in force. */
  readonly level: LogLevel;
  setLevel(level: LogLevel): void;
}

const urgency: Readonly<Record<LogLevel, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
};

/**
 * The log of a process: pino behind upstream's line shape. Secrets are replaced, see `redact`. Pino's children
 * keep the level they were made with, so the level is checked here, once for all of them.
 */
export function createLog(options: LogOptions): ProcessLog {
  let level = options.level;
  const write = options.write ?? standardError();
  const stream: DestinationStream = {
    write(line) {
      const safe = redact(line.trimEnd());
      write(options.format === "json" ? `${withoutControl(safe)}\n` : formatLine(JSON.parse(safe)));
    },
  };
  const root = pino(
    { level: "trace", base: null, serializers: { err: stdSerializers.err, error: stdSerializers.err } },
    stream,
  );
  const log = new GatedLogger(
    () => root.child(options.fields ?? {}),
    (of) => urgency[of] >= urgency[level],
  );
  return {
    log,
    get level() {
      return level;
    },
    setLevel(next) {
      level = next;
    },
  };
}

/** Logger over pino with the level of the process. */
class GatedLogger implements Logger {
  private made: Pino | undefined;

  constructor(
    /** Makes pino's logger; called on the first record, since most children never write one. */
    private readonly make: () => Pino,
    readonly isLevelEnabled: (level: LogLevel) => boolean,
  ) {}

  trace(fields: object, message: string): void {
    this.write("trace", fields, message);
  }
  debug(fields: object, message: string): void {
    this.write("debug", fields, message);
  }
  info(fields: object, message: string): void {
    this.write("info", fields, message);
  }
  warn(fields: object, message: string): void {
    this.write("warn", fields, message);
  }
  error(fields: object, message: string): void {
    this.write("error", fields, message);
  }
  fatal(fields: object, message: string): void {
    this.write("fatal", fields, message);
  }

  child(fields: Record<string, unknown>): Logger {
    return new GatedLogger(() => this.target().child(fields), this.isLevelEnabled);
  }

  private write(level: LogLevel, fields: object, message: string): void {
    if (this.isLevelEnabled(level)) this.target()[level](fields, message);
  }

  private target(): Pino {
    this.made ??= this.make();
    return this.made;
  }
}

function standardError(): (line: string) => void {
  const destination = pino.destination({ dest: 2, sync: true });
  // a closed standard error (the reader went away) must not end the daemon
  destination.on("error", () => {});
  return (line) => {
    destination.write(line);
  };
}
