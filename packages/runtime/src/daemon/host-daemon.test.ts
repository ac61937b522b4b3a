// SPDX-License-Identifier: Apache-2.0
import {
  type Context,
  contextCancelled,
  type Daemon,
  type LogLevel,
  silentLogger,
  untilDone,
} from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { hostDaemon } from "./host-daemon.js";

/** Hosts `daemon` on a virtual clock and records what happens, in order. */
function host(
  daemon: Partial<Daemon>,
  overrides: { listen?: () => Promise<{ close(): Promise<void> }> } = {},
) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const record = (level: LogLevel) => (fields: object, message: string) => {
    if ("err" in fields) events.push(`${level}: ${message}: ${(fields.err as Error).message}`);
  };
  const log = { ...silentLogger, error: record("error"), fatal: record("fatal") };
  let stop: (reason: string) => void = () => {};
  const exitCode = hostDaemon({
    daemon: { services: {}, ...daemon },
    clock,
    log,
    listen: async () => {
      events.push("listen");
      return { close: async () => void events.push("sockets closed") };
    },
    release: async () => void events.push("released"),
    stopRequested: new Promise((resolve) => {
      stop = resolve;
    }),
    stopTimeoutMs: 20_000,
    onStarted: () => events.push("started"),
    ...overrides,
  });
  return { clock, events, exitCode, stop: () => stop("SIGTERM") };
}
/** Settles only by the end of the context. */
const forever = (ctx: Context): Promise<void> => untilDone(ctx, new Promise(() => {}));

it("a stop runs Daemon.stop, then ends the context, then closes the sockets, then releases the rest", async () => {
  const events: string[] = [];
  let life: Context | undefined;
  const hosted = host({
    start: async (ctx) => {
      life = ctx;
      events.push("start");
    },
    stop: async (ctx) =>
      void events.push(`stop, life ended: ${life?.signal.aborted}, limit: ${ctx.deadlineMs}`),
  });
  await hosted.clock.settle();
  expect(hosted.events).toEqual(["listen", "started"]);
  hosted.stop();
  expect(await hosted.exitCode).toBe(0);
  expect(events).toEqual(["start", `stop, life ended: false, limit: ${hosted.clock.now() + 20_000}`]);
  expect(life?.signal.aborted).toBe(true);
  expect(hosted.events).toEqual(["listen", "started", "sockets closed", "released"]);
});

it("a stop during the start ends its context, stops what is up and exits 0", async () => {
  let stopped = false;
  const hosted = host({
    start: forever,
    stop: async () => {
      stopped = true;
    },
  });
  await hosted.clock.settle();
  hosted.stop();
  expect(await hosted.exitCode).toBe(0);
  expect(stopped).toBe(true);
  expect(hosted.events).toEqual(["listen", "sockets closed", "released"]);
});

it("a start that fails stops what is up and exits 1", async () => {
  const hosted = host({
    start: async () => {
      throw contextCancelled();
    },
  });
  expect(await hosted.exitCode).toBe(1);
  expect(hosted.events).toEqual([
    "listen",
    "fatal: daemon failed: context canceled",
    "sockets closed",
    "released",
  ]);
});

it("a socket that cannot be bound exits 1 without a start", async () => {
  const hosted = host(
    { start: async () => void hosted.events.push("start") },
    {
      listen: async () => {
        throw new Error("EADDRINUSE");
      },
    },
  );
  expect(await hosted.exitCode).toBe(1);
  expect(hosted.events).toEqual(["fatal: daemon failed: EADDRINUSE", "released"]);
});

it("a daemon that ends by itself exits 0", async () => {
  const hosted = host({ finished: Promise.resolve() });
  expect(await hosted.exitCode).toBe(0);
  expect(hosted.events).toEqual(["listen", "started", "sockets closed", "released"]);
});

it("a daemon that fails while it runs exits 1", async () => {
  const finished = Promise.reject(new Error("lost"));
  finished.catch(() => {});
  const hosted = host({ finished });
  expect(await hosted.exitCode).toBe(1);
  expect(hosted.events).toContain("fatal: daemon failed: lost");
});

it("a stop that takes too long is given up, sockets are closed all the same, exit 0", async () => {
  const hosted = host({ stop: () => new Promise(() => {}) });
  await hosted.clock.settle();
  hosted.stop();
  await hosted.clock.advance(20_000);
  expect(await hosted.exitCode).toBe(0);
  expect(hosted.events).toEqual([
    "listen",
    "started",
    "sockets closed",
    "released",
    "error: stop was not clean: context deadline exceeded",
  ]);
});

it("no timer is left behind", async () => {
  const hosted = host({ start: forever });
  await hosted.clock.settle();
  hosted.stop();
  await hosted.exitCode;
  expect(hosted.clock.pendingTimers).toBe(0);
});
