// SPDX-License-Identifier: Apache-2.0
import { Connection as ConnectionMessage } from "@nsm/api";
import { rootContext } from "./context.js";
import { chain, type NetworkServiceElement, normalizeConnection, type Request, start } from "./element.js";
import type { Logger, LogLevel } from "./logger.js";
import { handClock } from "./test-support/hand-clock.js";

const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** A context whose log keeps what passes its level: level, fields, message. */
function recording(level: LogLevel) {
  const lines: [level: LogLevel, fields: object, message: string][] = [];
  const isLevelEnabled = (of: LogLevel): boolean => LEVELS.indexOf(of) >= LEVELS.indexOf(level);
  const write =
    (of: LogLevel) =>
    (fields: object, message: string): void => {
      if (isLevelEnabled(of)) lines.push([of, fields, message]);
    };
  const log: Logger = {
    isLevelEnabled,
    child: () => log,
    trace: write("trace"),
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
  };
  return { ctx: rootContext({ clock: handClock().clock, log }), lines };
}

const request = (): Request => ({
  connection: normalizeConnection(ConnectionMessage.fromPartial({ id: "conn-1", networkService: "ns" })),
  mechanismPreferences: [],
});

/** Passes everything on, and changes the message on its way there. */
const quiet: NetworkServiceElement = {
  name: "quiet",
  request: (ctx, asked, next) => next.request(ctx, asked),
  close: (ctx, connection, next) => next.close(ctx, connection),
};
const changing: NetworkServiceElement = {
  name: "changing",
  request: (ctx, asked, next) => {
    asked.connection.labels = { ...asked.connection.labels, app: "a", secretToken: "x" };
    return next.request(ctx, asked);
  },
};
const warning: NetworkServiceElement = {
  name: "warning",
  request: async (ctx) => {
    ctx.log.warn({}, "cannot go on");
    throw new Error("refused");
  },
};

describe("chains' logs", () => {
  it("L-1 at TRACE tell each element with its depth, and only what has changed", async () => {
    const { ctx, lines } = recording("trace");
    const traced = start(chain("test", quiet, changing, quiet));
    await traced.request(ctx, request());
    expect(lines.map(([level, , message]) => [level, message])).toEqual([
      ["trace", "(1)  ⎆ test.request()"],
      ["trace", "(2)   ⎆ quiet.request()"],
      ["trace", "(3)    ⎆ changing.request()"],
      ["trace", "(4)     ⎆ quiet.request()"],
      ["trace", "(4)     ⎆ quiet.request-response()"],
      ["trace", "(3)    ⎆ changing.request-response()"],
      ["trace", "(2)   ⎆ quiet.request-response()"],
      ["trace", "(1)  ⎆ test.request-response()"],
    ]);
    const fields = lines.map(([, all]) => Object.keys(all));
    expect(fields.slice(0, 5)).toEqual([["request"], [], [], ["requestDiff"], []]);
    expect(lines[3]?.[1]).toEqual({
      requestDiff: { "connection.labels.app": "a", "connection.labels.secretToken": "…" },
    });
  });

  it("L-1 at TRACE tell where an error came from", async () => {
    const { ctx, lines } = recording("trace");
    await expect(start(chain("test", quiet, warning)).request(ctx, request())).rejects.toThrow("refused");
    expect(lines.filter(([, fields]) => "err" in fields).map(([, , message]) => message)).toEqual([
      "(3)    ⎆ warning.request-error()",
      "(2)   ⎆ quiet.request-error()",
      "(1)  ⎆ test.request-error()",
    ]);
  });

  it.each<[string, LogLevel]>([
    ["L-3", "info"],
    ["L-4", "fatal"],
  ])("%s at %s say nothing of elements", async (_id, level) => {
    const { ctx, lines } = recording(level);
    const chained = start(chain("test", quiet, changing));
    await chained.close(ctx, await chained.request(ctx, request()));
    expect(lines).toEqual([]);
  });

  it("L-5 at WARN hold what an element says itself, without fields of the chain", async () => {
    const { ctx, lines } = recording("warn");
    await expect(start(chain("test", quiet, warning)).request(ctx, request())).rejects.toThrow("refused");
    expect(lines).toEqual([["warn", {}, "cannot go on"]]);
  });
});
