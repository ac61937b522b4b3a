// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl } from "@nsm/api";
import {
  type CancellableContext,
  type Context,
  type Daemon,
  type LogFunction,
  type Logger,
  rootContext,
  type Services,
  silentLogger,
  statusOf,
  withCancel,
  withTimeout,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { fakeDns, MemoryNetwork, type MemoryServer, testTokens, VirtualClock } from "@nsm/testkit";
import { fixedFiles } from "../fixed-files.js";

/** Address of the manager that a daemon under test talks to. */
export const managerUrl = new URL("unix:///nsmgr.sock");

/** Address under which a daemon under test is served. */
export const servedUrl = new URL("unix:///served.sock");

/** What surrounds one daemon: ports in memory, a virtual clock, a log that is kept. */
export interface DaemonHost {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly ports: Ports;
  /** Ends when the test says so; what a host hands to `start`. */
  readonly life: CancellableContext;
  /** Level, message and error of every record from warn on. */
  readonly complaints: readonly string[];
  serve(url: URL, services: Services): MemoryServer;
  /** The `inode:` URL under which the socket of a unix address travels. */
  socketUrlOf(url: URL): Promise<string>;
  start(daemon: Daemon): Promise<void>;
  /** Stops a daemon within 5 s. @returns what is left of it: open channels, descriptors and timers */
  stop(daemon: Daemon): Promise<{ channels: number; descriptors: number; timers: number }>;
}

const STOP_TIMEOUT_MS = 5_000;

/** Nothing of a daemon. */
export const nothing = { channels: 0, descriptors: 0, timers: 0 };

/** Makes a host. */
export function daemonHost(): DaemonHost {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const complaints: string[] = [];
  const complaint =
    (level: string): LogFunction =>
    (fields, message) =>
      void complaints.push(
        `${level} ${message}${"err" in fields ? `: ${statusOf(fields.err).message}` : ""}`,
      );
  const log: Logger = {
    ...silentLogger,
    warn: complaint("warn"),
    error: complaint("error"),
    fatal: complaint("fatal"),
    child: () => log,
  };
  const ctx: Context = rootContext({ clock, log });
  const life = withCancel(ctx);
  const tokens = testTokens({ clock, subject: "spiffe://test.com/daemon" });
  const ports: Ports = {
    clock,
    log,
    tokens,
    connector: network.connector({ tokens }),
    descriptors: network.descriptors,
    clientLabels: { nodeName: "node-1", podName: undefined, clusterName: undefined },
    resolver: fakeDns(),
    watchFile: fixedFiles({}),
    servedUrls: () => [servedUrl],
  };
  return {
    clock,
    network,
    ports,
    life,
    complaints,
    serve: (url, services) => network.listen(url, services, ctx),
    async socketUrlOf({ pathname }) {
      const fd = await network.descriptors.open(pathname);
      fd.close();
      return formatInodeUrl(fd);
    },
    start: (daemon) => clock.waitFor(daemon.start?.(life.ctx) ?? Promise.resolve()),
    async stop(daemon) {
      const limit = withTimeout(ctx, STOP_TIMEOUT_MS);
      try {
        await clock.waitFor(daemon.stop?.(limit.ctx) ?? Promise.resolve());
      } finally {
        limit.cancel();
      }
      await clock.settle();
      return {
        channels: network.channels,
        descriptors: network.descriptors.openCount,
        timers: clock.pendingTimers,
      };
    },
  };
}
