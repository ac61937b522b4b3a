// SPDX-License-Identifier: Apache-2.0
import { newNetworkService } from "@nsm/api";
import { chain, type Daemon, type NetworkServiceElement } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { forwarder, type MemoryDataplane, memoryDataplane } from "@nsm/daemons/forwarder";
import { nsmgr } from "@nsm/daemons/nsmgr";
import { registry } from "@nsm/daemons/registry";
import { defaultMasks } from "@nsm/policy";
import {
  type ClientSpec,
  type EndpointSpec,
  registryAccess,
  type SandboxClient,
  sandboxClient,
  servedEndpoint,
} from "./chains.js";
import { type BuildEntry, Entry, type SandboxProcess, sandboxProcess } from "./entry.js";
import {
  type SandboxNetwork,
  type SandboxSecurity,
  type SandboxTransport,
  sandboxNetwork,
} from "./network.js";

/** What a domain is made of. */
export interface DomainOptions {
  /** Number of nodes; default 1. */
  readonly nodes?: number;
  /** Default `inproc`: memory and a virtual clock. */
  readonly transport?: SandboxTransport;
  /** `identity` only with `sockets`. Default `insecure`. */
  readonly security?: SandboxSecurity;
  /** Life of tokens, milliseconds; default 10 minutes. */
  readonly tokenLifetimeMs?: number;
  /** False: no registry, the manager of the only node keeps registrations itself. Default true. */
  readonly registry?: boolean;
}

/** A forwarder to be started on a node. */
export interface ForwarderSpec {
  /** Default `forwarder-<node>`. */
  readonly name?: string;
  /** Default `p2p: "true"`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What a call passes before it comes to the forwarder. Default: nothing. */
  readonly elements?: readonly NetworkServiceElement[];
}

/** A network service to be registered; default: payload `IP`, and every endpoint of it suits everybody. */
export type ServiceSpec = Omit<NonNullable<Parameters<typeof newNetworkService>[0]>, "name">;

const DIAL_TIMEOUT_MS = 2_000;
const TOKEN_LIFETIME_MS = 600_000;
const FORWARDERS = "forwarder";

/** A node: its manager and forwarder, and whatever is started on it. */
export class SandboxNode {
  readonly #clients: SandboxClient[] = [];

  readonly #forwarders: Entry[] = [];

  constructor(
    readonly name: string,
    readonly manager: Entry,
    /** What the node's kernel would hold; outlives the forwarders, as links do. */
    readonly dataplane: MemoryDataplane,
    private readonly domain: Domain,
  ) {}

  /** The node's first forwarder. */
  get forwarder(): Entry {
    const [first] = this.#forwarders;
    if (!first) throw new Error(`${this.name} has no forwarder`);
    return first;
  }

  /** Starts a forwarder on the node's data plane and registers it. */
  async newForwarder(spec: ForwarderSpec = {}): Promise<Entry> {
    const { name = `forwarder-${this.name}`, labels = { p2p: "true" }, elements = [] } = spec;
    const { dataplane, manager } = this;
    const config = {
      name,
      labels,
      networkServiceName: FORWARDERS,
      connectTo: manager.url,
      listenOn: manager.url,
      dialTimeoutMs: DIAL_TIMEOUT_MS,
      tunnelIp: dataplane.vxlan?.tunnelIp ?? "",
      vxlanPort: 0,
      mechanismPriority: [],
      registryClientPolicies: defaultMasks.registryClient,
      cleanupOnExit: false,
      ipOverVxlan: true,
    };
    const build = async (ports: Ports): Promise<Daemon> => {
      const daemon = await forwarder(config, ports, dataplane);
      const { networkService, ...services } = daemon.services;
      const behind = networkService === undefined ? [] : [networkService];
      return { ...daemon, services: { ...services, networkService: chain(name, ...elements, ...behind) } };
    };
    const entry = await this.domain.add(name, build);
    this.#forwarders.push(entry);
    return entry;
  }

  /** Starts an endpoint and registers it. */
  async newEndpoint(spec: EndpointSpec): Promise<Entry> {
    return await this.domain.add(spec.name, (ports, ctx) =>
      servedEndpoint(spec, this.manager.url, ports, ctx),
    );
  }

  /** A client of this node's manager; its background work ends with the domain. */
  newClient(name: string, spec: ClientSpec = {}): SandboxClient {
    const { ports, lifetime } = this.domain.newProcess(name);
    const client = sandboxClient(name, this.manager.url, spec, ports, lifetime.ctx);
    this.#clients.push(client);
    return client;
  }

  /** Sums over the node's clients and its links. */
  statistics(): Record<string, number> {
    const { links, joints } = this.dataplane;
    return sum([{ links: links.size, joints: joints.size }, ...this.#clients.map((c) => c.statistics())]);
  }
}

function sum(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [key, value] of counts.flatMap((count) => Object.entries(count)))
    sums[key] = (sums[key] ?? 0) + value;
  return sums;
}

const prefixed = (prefix: string, counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([key, value]) => [`${prefix}/${key}`, value]));

/**
 * A whole domain inside one process: a registry, and per node a manager and a forwarder, the real daemons over memory
 * or sockets, with a data plane in memory. On `inproc` the virtual clock moves only while {@link Domain.wait} waits.
 */
export class Domain {
  readonly nodes: SandboxNode[] = [];
  readonly #entries: Entry[] = [];
  readonly #processes: SandboxProcess[] = [];
  #registry: Entry | undefined;

  private constructor(
    readonly network: SandboxNetwork,
    private readonly tokenLifetimeMs: number,
  ) {}

  /** Builds and starts a domain; close it when done. */
  static async create({
    nodes = 1,
    transport = "inproc",
    security = "insecure",
    tokenLifetimeMs = TOKEN_LIFETIME_MS,
    registry: withRegistry = true,
  }: DomainOptions = {}): Promise<Domain> {
    const domain = new Domain(sandboxNetwork(transport, security), tokenLifetimeMs);
    try {
      if (withRegistry) {
        domain.#registry = await domain.add("registry", (ports) =>
          registry({ listenOn: [], proxyRegistryUrl: undefined }, ports),
        );
      }
      for (let index = 1; index <= nodes; index++) await domain.#addNode(index);
      return domain;
    } catch (error) {
      await domain.close();
      throw error;
    }
  }

  /** The registry that all managers ask. */
  get registry(): Entry {
    if (!this.#registry) throw new Error("the domain has no registry");
    return this.#registry;
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

  /** Registers a network service through the first node's manager; again: changes it. */
  async registerService(name: string, service: ServiceSpec = {}): Promise<void> {
    const { ports, lifetime } = this.newProcess("operator");
    const access = registryAccess(ports, lifetime.ctx, this.node(1).manager.url);
    await this.wait(
      access.networkServices.register(lifetime.ctx, newNetworkService({ payload: "IP", ...service, name })),
    );
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

  /** Counts of everything that daemons, clients and data planes keep, by `<who>/<element>.<what>`. */
  statistics(): Record<string, number> {
    const entries = this.#entries.map((entry) => prefixed(entry.name, entry.statistics));
    return sum([...entries, ...this.nodes.map((node) => prefixed(node.name, node.statistics()))]);
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

  async #addNode(index: number): Promise<void> {
    const name = `node-${index}`;
    const registryUrl = this.#registry?.publicUrl;
    const manager = await this.add(`nsmgr-${name}`, (ports) => {
      const listenOn = ports.servedUrls();
      const [local] = listenOn;
      // Without a registry nobody on another node can ask for this one
      const publicUrl = registryUrl === undefined ? local : listenOn.at(-1);
      if (!publicUrl) throw new Error(`nsmgr-${name} serves no address`);
      const config = {
        name: `nsmgr-${name}`,
        listenOn,
        registryUrl,
        dialTimeoutMs: DIAL_TIMEOUT_MS,
        forwarderServiceName: FORWARDERS,
        publicUrl,
      };
      return nsmgr(config, ports);
    });
    const node = new SandboxNode(name, manager, memoryDataplane(`10.99.0.${index}`), this);
    await node.newForwarder();
    this.nodes.push(node);
  }
}
