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
  silentLogger,
  type TokenSource,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { developmentTokens, es256Tokens } from "@nsm/identity";
import { DevelopmentCa } from "@nsm/identity/development-ca";
import { policiesFromMasks } from "@nsm/policy";
import { MemoryNetwork, VirtualClock } from "@nsm/testkit";
import {
  createConnector,
  insecure,
  type LinkSecurity,
  linuxDescriptors,
  listen,
  mutualTls,
} from "@nsm/transport";

/**
 * How the processes of a sandbox reach each other: in memory on a virtual clock, or over sockets on the real one (unix
 * on a node, tcp between nodes).
 */
export type SandboxTransport = "inproc" | "sockets";

/** Whether the processes of a sandbox have identities: SVIDs of one development CA, mutual TLS, tokens and policies. */
export type SandboxSecurity = "insecure" | "identity";

/** Who a process of the sandbox is. */
export interface SandboxIdentity {
  readonly tokens: TokenSource;
  readonly security: LinkSecurity;
  /** Absent without identity. */
  readonly policies: Ports["policies"];
}

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
  /** The identity of a process. @param tokenLifetimeMs milliseconds */
  identity(name: string, tokenLifetimeMs: number): SandboxIdentity;
  serve(
    urls: readonly URL[],
    services: Services,
    identity: SandboxIdentity,
    ctx: Context,
  ): Promise<SandboxServer>;
  /** @param ctx lifetime of its channels */
  connector(identity: SandboxIdentity, ctx: Context): Connector & { close(): Promise<void> };
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
    identity: insecureIdentity(clock),
    async serve(urls, services, _identity, ctx) {
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
    connector: ({ tokens }) => ({ ...network.connector({ tokens }), close: async () => {} }),
    wait: (work) => clock.waitFor(work),
    statistics: () => ({
      channels: network.channels,
      descriptors: network.descriptors.openCount,
      timers: clock.pendingTimers,
    }),
    close: async () => {},
  };
}

/** Tokens that nobody signs, and no checks. */
const insecureIdentity =
  (clock: Clock) =>
  (name: string, lifetimeMs: number): SandboxIdentity => ({
    tokens: developmentTokens({ clock, subject: `spiffe://nsm.insecure/${name}`, lifetimeMs }),
    security: insecure,
    policies: undefined,
  });

/** Identities of a development CA in memory, checked as in daemons. */
function caIdentity(clock: Clock): SandboxNetwork["identity"] {
  const ca = new DevelopmentCa({ trustDomain: "sandbox.nsm", clock });
  return (name, lifetimeMs) => {
    const source = ca.source(`spiffe://sandbox.nsm/${name.replace(/[^A-Za-z0-9._-]/g, "-")}`);
    return {
      tokens: es256Tokens({ clock, lifetimeMs, identity: source }),
      security: mutualTls(source, { clock, log: silentLogger }),
      policies: (masks) => policiesFromMasks(masks, { clock }),
    };
  };
}

/** Real sockets on the real clock: unix sockets in a temporary directory, tcp on ports of the kernel's choice. */
function socketSandboxNetwork(security: SandboxSecurity): SandboxNetwork {
  const folder = mkdtempSync(join(tmpdir(), "nsm-"));
  return {
    clock: realClock,
    descriptors: linuxDescriptors,
    folder,
    addresses: (name) => [new URL(`unix://${folder}/${name}.sock`), new URL("tcp://127.0.0.1:0")],
    identity: security === "identity" ? caIdentity(realClock) : insecureIdentity(realClock),
    serve: (urls, services, identity, ctx) =>
      listen(urls, services, { context: ctx, security: identity.security }),
    connector: ({ tokens, security }, ctx) => createConnector({ context: ctx, tokens, security }),
    wait: (work) => work,
    statistics: () => ({}),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * The network of a transport.
 * @param security with identity only over sockets. Default: insecure
 * @throws Error for identity in memory, where there is no connection to secure
 */
export function sandboxNetwork(
  transport: SandboxTransport,
  security: SandboxSecurity = "insecure",
): SandboxNetwork {
  if (transport === "sockets") return socketSandboxNetwork(security);
  if (security === "identity") throw new Error("identity needs the transport sockets");
  return memorySandboxNetwork();
}
