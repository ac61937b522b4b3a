// SPDX-License-Identifier: Apache-2.0
import {
  type CancellableContext,
  type Connector,
  type Context,
  type Daemon,
  type Resolver,
  rootContext,
  silentLogger,
  withCancel,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { fakeDns } from "@nsm/testkit";
import { fixedFiles } from "./fixed-files.js";
import { lateServices } from "./late-services.js";
import type { SandboxIdentity, SandboxNetwork, SandboxServer } from "./network.js";

/** Builds what an entry runs. `ctx` lives until the entry ends; the addresses served are known. */
export type BuildEntry = (ports: Ports, ctx: Context) => Daemon | Promise<Daemon>;

/** What an entry is built from each time it starts. */
export interface EntryOptions {
  readonly name: string;
  /** Where it serves. */
  readonly listenOn: readonly URL[];
  readonly network: SandboxNetwork;
  readonly tokenLifetimeMs: number;
  /** Finds other domains; default: there are none. */
  readonly resolver?: Resolver;
  /** Parsed content of the files that it watches, by path; default: none is there. */
  readonly files?: Readonly<Record<string, unknown>>;
  readonly build: BuildEntry;
}

/** What of an entry makes its ports. */
export type SandboxProcessOptions = Pick<
  EntryOptions,
  "name" | "network" | "tokenLifetimeMs" | "resolver" | "files"
>;

/** The process side of an entry or client: ports and a lifetime. */
export interface SandboxProcess {
  readonly ports: Ports;
  readonly lifetime: CancellableContext;
  readonly connector: Connector & { close(): Promise<void> };
  readonly identity: SandboxIdentity;
}

/** Ports of something that runs in the sandbox. */
export function sandboxProcess(
  { name, network, tokenLifetimeMs, resolver = fakeDns(), files = {} }: SandboxProcessOptions,
  servedUrls: () => readonly URL[] = () => [],
): SandboxProcess {
  const { clock, descriptors } = network;
  const lifetime = withCancel(rootContext({ clock, log: silentLogger }));
  const identity = network.identity(name, tokenLifetimeMs);
  const { tokens, policies } = identity;
  const connector = network.connector(identity, lifetime.ctx);
  const clientLabels = { nodeName: undefined, podName: undefined, clusterName: undefined };
  const { signal } = lifetime.ctx;
  const ports: Ports = {
    clock,
    log: silentLogger,
    tokens,
    connector,
    descriptors,
    clientLabels,
    resolver,
    watchFile: fixedFiles(files),
    servedUrls,
    signal,
    ...(policies && { policies }),
  };
  return { ports, lifetime, connector, identity };
}

interface Life extends SandboxProcess {
  paused: boolean;
  readonly daemon: Daemon;
  readonly server: SandboxServer;
}

/** A daemon of the sandbox that can be stopped, killed and started again; each start builds it afresh. */
export class Entry {
  #life: Life | undefined;
  #urls: readonly URL[];

  constructor(private readonly options: EntryOptions) {
    this.#urls = options.listenOn;
  }

  get name(): string {
    return this.options.name;
  }

  /** Address for callers on the same node. */
  get url(): URL {
    return this.#urls[0] ?? new URL("unix:///nowhere");
  }

  /** Address for callers on other nodes. */
  get publicUrl(): URL {
    return this.#urls.at(-1) ?? this.url;
  }

  get running(): boolean {
    return this.#life !== undefined;
  }

  /** Counts of everything the daemon keeps; empty when it does not run. */
  get statistics(): Record<string, number> {
    return this.#life?.daemon.statistics?.() ?? {};
  }

  /** Listens, builds and starts. */
  async start(): Promise<void> {
    const process = sandboxProcess(this.options, () => this.#urls);
    let daemon: Daemon | undefined;
    let life: Life | undefined;
    const unpaused = (): Promise<void> => (life?.paused ? new Promise(() => {}) : Promise.resolve());
    const services = lateServices(() => daemon?.services, unpaused);
    const server = await this.options.network.serve(
      this.#urls,
      services,
      process.identity,
      process.lifetime.ctx,
    );
    this.#urls = server.urls;
    try {
      daemon = await this.options.build(process.ports, process.lifetime.ctx);
    } catch (error) {
      server.kill();
      process.lifetime.cancel();
      await process.connector.close();
      throw error;
    }
    life = { ...process, daemon, server, paused: false };
    this.#life = life;
    await daemon.start?.(process.lifetime.ctx);
  }

  /** As SIGSTOP (K5): from now on calls are accepted and never answered, until it is killed; open streams stay. */
  pause(): void {
    if (this.#life) this.#life.paused = true;
  }

  /** Graceful end (K3). */
  async stop(): Promise<void> {
    const life = this.#end();
    if (!life) return;
    await life.daemon.stop?.(life.lifetime.ctx);
    await life.server.close();
    life.lifetime.cancel();
    await life.connector.close();
  }

  /** As SIGKILL (K1): nothing is closed or unregistered. */
  async kill(): Promise<void> {
    const life = this.#end();
    if (!life) return;
    life.server.kill();
    life.lifetime.cancel();
    await life.connector.close();
  }

  /** Kills and starts again on the same addresses. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  #end(): Life | undefined {
    const life = this.#life;
    this.#life = undefined;
    return life;
  }
}
