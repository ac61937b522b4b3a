// SPDX-License-Identifier: Apache-2.0
import { newNetworkService } from "@nsm/api";
import { type NetworkServiceElement, type NetworkServiceNext, start } from "@nsm/core";
import { nsmgr } from "@nsm/daemons/nsmgr";
import { registry } from "@nsm/daemons/registry";
import { client } from "@nsm/sdk/chains/client";
import { registryAccess, sandboxForwarder, servedEndpoint } from "./chains.js";
import { type BuildEntry, Entry, type SandboxProcess, sandboxProcess } from "./entry.js";
import { type SandboxNetwork, type SandboxTransport, sandboxNetwork } from "./network.js";

/** What a domain is made of. */
export interface DomainOptions {
  /** Number of nodes; default 1. With transport `unix` only one. */
  readonly nodes?: number;
  /** Default `inproc`: memory and a virtual clock. */
  readonly transport?: SandboxTransport;
  /** Life of tokens, milliseconds; default 10 minutes. */
  readonly tokenLifetimeMs?: number;
}

/** An endpoint to be started on a node. */
export interface EndpointSpec {
  readonly name: string;
  readonly services: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** What it does with a connection; default: accepts it. */
  readonly elements?: readonly NetworkServiceElement[];
}

const DIAL_TIMEOUT_MS = 2_000;
const TOKEN_LIFETIME_MS = 600_000;

/** A node: its manager and forwarder, and whatever is started on it. */
export class SandboxNode {
  constructor(
    readonly name: string,
    readonly manager: Entry,
    readonly forwarder: Entry,
    private readonly domain: Domain,
  ) {}

  /** Starts an endpoint and registers it. */
  async newEndpoint(spec: EndpointSpec): Promise<Entry> {
    const managerUrl = this.manager.url;
    return await this.domain.add(spec.name, (ports, ctx) =>
      servedEndpoint({ labels: {}, elements: [], ...spec, managerUrl }, ports, ctx),
    );
  }

  /**
   * A client of this node's manager; its background work ends with the domain.
   * @param elements between `dial` and `connect`, as an application would add them
   */
  newClient(name: string, elements: readonly NetworkServiceElement[] = []): NetworkServiceNext {
    const { ports, lifetime } = this.domain.newProcess(name);
    const { connector } = ports;
    const url = this.manager.url;
    return start(
      client({ ctx: lifetime.ctx, name, url, connector, dialTimeoutMs: DIAL_TIMEOUT_MS, elements }),
    );
  }
}

/**
 * A whole domain inside one process: a registry, and per node a manager and a forwarder, with the real chains over
 * memory, unix or tcp. On `inproc` the virtual clock moves only while {@link Domain.wait} waits.
 */
export class Domain {
  readonly nodes: SandboxNode[] = [];
  readonly #entries: Entry[] = [];
  readonly #processes: SandboxProcess[] = [];

  private constructor(
    readonly network: SandboxNetwork,
    private readonly tokenLifetimeMs: number,
  ) {}

  /** Builds and starts a domain; close it when done. */
  static async create({
    nodes = 1,
    transport = "inproc",
    tokenLifetimeMs = TOKEN_LIFETIME_MS,
  }: DomainOptions = {}): Promise<Domain> {
    const domain = new Domain(sandboxNetwork(transport), tokenLifetimeMs);
    const { publicUrl } = await domain.add("registry", (ports) =>
      registry({ listenOn: [], proxyRegistryUrl: undefined }, ports),
    );
    for (let index = 1; index <= nodes; index++) await domain.#addNode(`node-${index}`, publicUrl);
    return domain;
  }

  /** Node by its 1-based number. */
  node(index: number): SandboxNode {
    const node = this.nodes[index - 1];
    if (!node) throw new Error(`the domain has ${this.nodes.length} nodes, there is no node ${index}`);
    return node;
  }

  /** Waits for `work`, letting virtual time pass. */
  wait<T>(work: Promise<T>): Promise<T> {
    return this.network.wait(work);
  }

  /** Registers a network service through the first node's manager. */
  async registerService(name: string, payload = "IP"): Promise<void> {
    const { ports, lifetime } = this.newProcess("operator");
    const access = registryAccess(ports, lifetime.ctx, this.node(1).manager.url);
    await this.wait(access.networkServices.register(lifetime.ctx, newNetworkService({ name, payload })));
  }

  /** Builds and starts an entry. */
  async add(name: string, build: BuildEntry): Promise<Entry> {
    const { network, tokenLifetimeMs } = this;
    const entry = new Entry({ name, listenOn: network.addresses(name), network, tokenLifetimeMs, build });
    this.#entries.push(entry);
    await this.wait(entry.start());
    return entry;
  }

  /** Ports of something that serves nothing; ends with the domain. */
  newProcess(name: string): SandboxProcess {
    const process = sandboxProcess({ name, network: this.network, tokenLifetimeMs: this.tokenLifetimeMs });
    this.#processes.push(process);
    return process;
  }

  /** Kills everything and removes sockets. */
  async close(): Promise<void> {
    for (const { lifetime, connector } of this.#processes) {
      lifetime.cancel();
      await this.wait(connector.close());
    }
    for (const entry of this.#entries.reverse()) await this.wait(entry.kill());
    await this.network.close();
  }

  async #addNode(name: string, registryUrl: URL): Promise<void> {
    const manager = await this.add(`nsmgr-${name}`, (ports) => {
      const listenOn = ports.servedUrls();
      const publicUrl = listenOn.at(-1) ?? registryUrl;
      const forwarderServiceName = "forwarder";
      return nsmgr(
        {
          name: `nsmgr-${name}`,
          listenOn,
          registryUrl,
          dialTimeoutMs: DIAL_TIMEOUT_MS,
          forwarderServiceName,
          publicUrl,
        },
        ports,
      );
    });
    const forwarder = await this.add(`forwarder-${name}`, (ports, ctx) =>
      sandboxForwarder(`forwarder-${name}`, manager.url, ports, ctx),
    );
    this.nodes.push(new SandboxNode(name, manager, forwarder, this));
  }
}
