// SPDX-License-Identifier: Apache-2.0
import { type Daemon, type Logger, realClock, rootContext, type Scope } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { systemResolver } from "@nsm/dns";
import { yamlFile } from "@nsm/files";
import { createConnector, linuxDescriptors, listen, type Server } from "@nsm/transport";
import { type CountingClock, countingClock } from "./counting-clock.js";
import { countByName, type DebugReport, descriptorCounts } from "./debug-report.js";
import { debugServer } from "./debug-server.js";
import { openIdentity } from "./process-identity.js";
import type { SharedEnv } from "./shared-env.js";

/** What {@link openPorts} needs. */
export interface OpenPortsOptions {
  /** Kind of the daemon, its name when the settings hold none. */
  readonly kind: string;
  readonly env: SharedEnv;
  readonly config: { readonly name?: string; readonly listenOn?: URL | readonly URL[] };
  readonly log: Logger;
  /** Gets what must be closed after the sockets. */
  readonly undo: Scope;
  /** Ends the wait for an identity with its reason. */
  readonly signal: AbortSignal;
}

/** The process' side of a daemon. */
export interface OpenPorts {
  readonly ports: Ports;
  readonly clock: CountingClock;
  /** Serves the daemon on its addresses and, if wanted, the debug socket. */
  listen(daemon: Daemon): Promise<{ close(): Promise<void> }>;
}

/**
 * Opens the ports of a daemon; waits for its identity.
 * @throws FAILED_PRECONDITION NSM_IDENTITY; the reason of `signal`
 */
export async function openPorts({
  kind,
  env,
  config,
  log,
  undo,
  signal,
}: OpenPortsOptions): Promise<OpenPorts> {
  const clock = countingClock(realClock);
  const context = rootContext({ clock, log });
  const identity = await openIdentity({ env, name: config.name ?? kind, clock, log, undo, signal });
  const { tokens, policies } = identity;
  const connector = createConnector({ context, tokens, security: identity.dial });
  undo.add(() => connector.close());
  const configured = addressesOf(config.listenOn);
  let server: Server | undefined;
  const ports: Ports = {
    clock,
    log,
    tokens,
    connector,
    descriptors: linuxDescriptors,
    clientLabels: { nodeName: env.nodeName, podName: env.podName, clusterName: env.clusterName },
    resolver: systemResolver(),
    watchFile: (path, parse, options = {}) => yamlFile(path, parse, { ...options, clock, log }),
    servedUrls: () => server?.urls ?? configured,
    ...(policies === undefined ? {} : { policies }),
  };
  const report = async (daemon: Daemon): Promise<DebugReport> => ({
    timers: clock.pendingTimers,
    resources: countByName(process.getActiveResourcesInfo()),
    descriptors: await descriptorCounts(),
    transport: { ...server?.statistics(), ...connector.statistics() },
    daemon: daemon.statistics?.() ?? {},
    totals: daemon.totals?.() ?? {},
    memoryBytes: { ...process.memoryUsage() },
    uptimeSeconds: process.uptime(),
  });
  return {
    ports,
    clock,
    async listen(daemon) {
      if (env.debugListenOn !== undefined) {
        const debug = await debugServer(env.debugListenOn, () => report(daemon), log);
        undo.add(() => debug.close());
      }
      const listening = await listen(configured, daemon.services, {
        context,
        security: identity.accept,
      });
      server = listening;
      return listening;
    },
  };
}

const addressesOf = (listenOn: URL | readonly URL[] | undefined): readonly URL[] =>
  listenOn === undefined ? [] : listenOn instanceof URL ? [listenOn] : listenOn;
