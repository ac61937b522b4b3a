// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Clock,
  type Connector,
  type Context,
  type Descriptors,
  realClock,
  type Services,
  type TokenSource,
} from "@nsm/core";
import { MemoryNetwork, VirtualClock } from "@nsm/testkit";
import { createConnector, linuxDescriptors, listen } from "@nsm/transport";

/**
 * How the processes of a sandbox reach each other: in memory on a virtual clock, or over sockets on the real one (unix
 * on a node, tcp between nodes).
 */
export type SandboxTransport = "inproc" | "sockets";

/** A server of the sandbox. */
export interface SandboxServer {
  /** Addresses really served, in the order asked for. */
  readonly urls: readonly URL[];
  /** Ends gracefully. */
  close(): Promise<void>;
  /** As a crash: calls in flight fail. */
  kill(): void;
}

/** Sockets, or their in-memory twins, with the clock that fits them. */
export interface SandboxNetwork {
  readonly clock: Clock;
  readonly descriptors: Descriptors;
  /** Where unix sockets are made; undefined in memory. */
  readonly folder: string | undefined;
  /** Addresses to serve on: the first for the own node (unix passes descriptors), the last for other nodes. */
  addresses(name: string): URL[];
  serve(urls: readonly URL[], services: Services, ctx: Context): Promise<SandboxServer>;
  /** @param ctx lifetime of its channels */
  connector(tokens: TokenSource, ctx: Context): Connector & { close(): Promise<void> };
  /** Waits as a caller would; on a virtual clock time passes only here. */
  wait<T>(work: Promise<T>): Promise<T>;
  /** What is open, by kind; empty over sockets, where the kernel counts. */
  statistics(): Record<string, number>;
  close(): Promise<void>;
}

/** Everything in memory, on a virtual clock. */
function memorySandboxNetwork(): SandboxNetwork {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  return {
    clock,
    descriptors: network.descriptors,
    folder: undefined,
    addresses: (name) => [new URL(`unix:///sandbox/${name}.sock`), new URL(`tcp://${name}:5001`)],
    async serve(urls, services, ctx) {
      const servers = urls.map((url) => network.listen(url, services, ctx));
      return {
        urls,
        close: async () => {
          for (const server of servers) server.close();
        },
        kill: () => {
          for (const server of servers) server.kill();
        },
      };
    },
    connector: (tokens) => ({ ...network.connector({ tokens }), close: async () => {} }),
    wait: (work) => clock.waitFor(work),
    statistics: () => ({
      channels: network.channels,
      descriptors: network.descriptors.openCount,
      timers: clock.pendingTimers,
    }),
    close: async () => {},
  };
}

/** Real sockets on the real clock: unix sockets in a temporary directory, tcp on ports of the kernel's choice. */
function socketSandboxNetwork(): SandboxNetwork {
  const folder = mkdtempSync(join(tmpdir(), "nsm-"));
  return {
    clock: realClock,
    descriptors: linuxDescriptors,
    folder,
    addresses: (name) => [new URL(`unix://${folder}/${name}.sock`), new URL("tcp://127.0.0.1:0")],
    serve: (urls, services, ctx) => listen(urls, services, { context: ctx }),
    connector: (tokens, ctx) => createConnector({ context: ctx, tokens }),
    wait: (work) => work,
    statistics: () => ({}),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The network of a transport. */
export function sandboxNetwork(transport: SandboxTransport): SandboxNetwork {
  return transport === "inproc" ? memorySandboxNetwork() : socketSandboxNetwork();
}
