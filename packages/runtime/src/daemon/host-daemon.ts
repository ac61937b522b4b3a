// SPDX-License-Identifier: Apache-2.0
import {
  type Clock,
  type Context,
  type Daemon,
  type Logger,
  rootContext,
  Scope,
  untilDone,
  withCancel,
  withTimeout,
} from "@nsm/core";

/** What {@link hostDaemon} needs. */
export interface HostOptions {
  readonly daemon: Daemon;
  readonly clock: Clock;
  readonly log: Logger;
  /** Serves the daemon's services; rejects when a socket cannot be bound. */
  listen(): Promise<{ close(): Promise<void> }>;
  /** Lets go of everything that outlives the sockets: connector, debug socket, temporary directories. */
  release(): Promise<void>;
  /** Resolves with the reason of a wanted end, for example a signal's name. */
  readonly stopRequested: Promise<string>;
  /** How long `Daemon.stop` may take, milliseconds. */
  readonly stopTimeoutMs: number;
  /** Called when the daemon does its job. */
  onStarted(): void;
}

/**
 * Runs a daemon until it is told to stop, ends by itself or fails: listen, start, wait; then, in this order,
 * `Daemon.stop` (sockets still served, so that peers can answer), end of its context, sockets, `release`.
 * A stop during the start ends the context first, so that the start gives up.
 * @returns exit code: 0 for a wanted end, 1 for a failure, which is logged
 */
export async function hostDaemon(options: HostOptions): Promise<number> {
  const { log } = options;
  const undo = new Scope();
  let exitCode = 0;
  try {
    undo.add(() => options.release());
    const server = await options.listen();
    undo.add(() => server.close());
    await run(options, undo);
  } catch (error) {
    log.fatal({ err: error }, "daemon failed");
    exitCode = 1;
  }
  try {
    await undo.run();
  } catch (error) {
    log.error({ err: error }, "stop was not clean");
  }
  return exitCode;
}

async function run(options: HostOptions, undo: Scope): Promise<void> {
  const { daemon, clock, log } = options;
  const life = withCancel(rootContext({ clock, log }));
  undo.add(() => life.cancel());
  undo.add(() => withinStopTime(options, async (ctx) => daemon.stop?.(ctx)));

  const stopped = options.stopRequested.then((reason) => {
    log.info({ reason }, "stopping");
    return "stop" as const;
  });
  const starting = (async () => daemon.start?.(life.ctx))();
  if ((await Promise.race([starting, stopped])) === "stop") {
    life.cancel();
    const settled = starting.catch((error) => log.debug({ err: error }, "start was given up"));
    await withinStopTime(options, () => settled);
    return;
  }
  options.onStarted();
  await Promise.race([stopped, ended(options)]);
}

async function ended({ daemon, log }: HostOptions): Promise<void> {
  if (daemon.finished === undefined) return await new Promise<never>(() => {});
  await daemon.finished;
  log.info({}, "daemon ended by itself");
}

async function withinStopTime(
  { clock, log, stopTimeoutMs }: HostOptions,
  work: (ctx: Context) => Promise<void>,
): Promise<void> {
  const limit = withTimeout(rootContext({ clock, log }), stopTimeoutMs);
  try {
    await untilDone(limit.ctx, work(limit.ctx));
  } finally {
    limit.cancel();
  }
}
