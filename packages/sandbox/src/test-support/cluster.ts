// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceNext, start } from "@nsm/core";
import { forwarder, type MemoryDataplane, memoryDataplane } from "@nsm/daemons/forwarder";
import { nsmgr } from "@nsm/daemons/nsmgr";
import { nsmgrProxy } from "@nsm/daemons/nsmgr-proxy";
import { registry } from "@nsm/daemons/registry";
import { registryProxyDns } from "@nsm/daemons/registry-proxy-dns";
import { client } from "@nsm/sdk/chains/client";
import { kernelClient } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdClient } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { type FakeDns, fakeDns } from "@nsm/testkit";
import { type EndpointSpec, type RegistryAccess, registryAccess, servedEndpoint } from "../chains.js";
import { type BuildEntry, Entry, type SandboxProcess, sandboxProcess } from "../entry.js";
import { type SandboxNetwork, sandboxNetwork } from "../network.js";

const TOKEN_LIFETIME_MS = 600_000;
const DIAL_TIMEOUT_MS = 2_000;
const PORT = 5001;
const MAP_FILE = "map-ip.yaml";
const INFO_FILE = "config.yaml";

/** Several clusters in one network and one DNS, on a virtual clock. */
export class World {
  readonly network: SandboxNetwork = sandboxNetwork("inproc");
  readonly dns: FakeDns = fakeDns();
  readonly #entries: Entry[] = [];
  readonly #processes: SandboxProcess[] = [];

  /** A cluster of one node that other domains know by `domain`. @param index 1 to 9, part of its addresses */
  async cluster(domain: string, index: number): Promise<Cluster> {
    const registryEntry = await this.#registry(domain, `nsmgr-proxy.${domain}`);
    const proxyUrl = new URL(`tcp://nsmgr-proxy.${domain}:${PORT}`);
    const registryProxy = await this.add(`registry-proxy.${domain}`, (ports) =>
      registryProxyDns({ listenOn: ports.servedUrls() }, ports),
    );
    const border = await this.add(
      `nsmgr-proxy.${domain}`,
      (ports) =>
        nsmgrProxy(
          {
            name: `nsmgr-proxy-${domain}`,
            listenOn: ports.servedUrls(),
            mapIpFilePath: MAP_FILE,
            clusterInfoFilePath: INFO_FILE,
            registryUrl: registryEntry.publicUrl,
            registryProxyUrl: registryProxy.publicUrl,
            publicUrl: proxyUrl,
          },
          ports,
        ),
      { [MAP_FILE]: { [tunnelIp(index)]: outsideIp(index) }, [INFO_FILE]: { clusterName: domain } },
    );
    this.dns.publish(`nsmgr-proxy.nsm-system.${domain}`, { port: PORT, addresses: [proxyUrl.hostname] });
    const manager = await this.add(`nsmgr.${domain}`, (ports) =>
      nsmgr(
        {
          name: `nsmgr-${domain}`,
          listenOn: ports.servedUrls(),
          registryUrl: registryEntry.publicUrl,
          dialTimeoutMs: DIAL_TIMEOUT_MS,
          forwarderServiceName: "forwarder",
          publicUrl: new URL(`tcp://nsmgr.${domain}:${PORT}`),
        },
        ports,
      ),
    );
    const dataplane = memoryDataplane(tunnelIp(index));
    await this.add(`forwarder.${domain}`, (ports) =>
      forwarder(
        {
          name: `forwarder-${domain}`,
          labels: { p2p: "true" },
          networkServiceName: "forwarder",
          connectTo: manager.url,
          listenOn: manager.url,
          dialTimeoutMs: DIAL_TIMEOUT_MS,
          tunnelIp: tunnelIp(index),
          vxlanPort: 0,
          mechanismPriority: [],
          registryClientPolicies: [],
          cleanupOnExit: false,
          ipOverVxlan: true,
        },
        ports,
        dataplane,
      ),
    );
    return new Cluster(domain, this, manager, border, registryEntry, dataplane);
  }

  /** A domain that is a registry and nothing else, for floating names. */
  async floating(domain: string): Promise<Entry> {
    return await this.#registry(domain, undefined);
  }

  async #registry(domain: string, proxy: string | undefined): Promise<Entry> {
    const proxyRegistryUrl = proxy === undefined ? undefined : new URL(`tcp://${proxy}:${PORT}`);
    const entry = await this.add(`registry.${domain}`, (ports) =>
      registry({ listenOn: ports.servedUrls(), proxyRegistryUrl }, ports),
    );
    this.dns.publish(`registry.nsm-system.${domain}`, { port: PORT, addresses: [entry.publicUrl.hostname] });
    return entry;
  }

  /** Builds and starts an entry. @param files parsed content of what it watches */
  async add(name: string, build: BuildEntry, files: Readonly<Record<string, unknown>> = {}): Promise<Entry> {
    const { network, dns: resolver } = this;
    const entry = new Entry({
      name,
      listenOn: network.addresses(name),
      network,
      tokenLifetimeMs: TOKEN_LIFETIME_MS,
      resolver,
      files,
      build,
    });
    this.#entries.push(entry);
    await this.wait(entry.start());
    return entry;
  }

  /** Ports of something that serves nothing. */
  newProcess(name: string): SandboxProcess {
    const { network } = this;
    const process = sandboxProcess({ name, network, tokenLifetimeMs: TOKEN_LIFETIME_MS });
    this.#processes.push(process);
    return process;
  }

  /** Waits for `work`, letting virtual time pass. */
  wait<T>(work: Promise<T>): Promise<T> {
    return this.network.wait(work);
  }

  /** Kills everything. */
  async close(): Promise<void> {
    for (const { lifetime } of this.#processes) lifetime.cancel();
    for (const entry of this.#entries.reverse()) await this.wait(entry.kill());
  }
}

/** Address of a cluster's tunnels inside it. */
export const tunnelIp = (index: number): string => `10.99.${index}.1`;

/** The same address as other clusters reach it. */
export const outsideIp = (index: number): string => `80.99.${index}.1`;

/** One cluster of a {@link World}. */
export class Cluster {
  constructor(
    readonly domain: string,
    private readonly world: World,
    readonly manager: Entry,
    readonly border: Entry,
    readonly registry: Entry,
    readonly dataplane: MemoryDataplane,
  ) {}

  async newEndpoint(spec: EndpointSpec): Promise<Entry> {
    return await this.world.add(`${spec.name}.${this.domain}`, (ports, ctx) =>
      servedEndpoint(spec, this.manager.url, ports, ctx),
    );
  }

  /** Asks the cluster's manager for kernel interfaces. */
  newClient(name: string): NetworkServiceNext {
    const { ports, lifetime } = this.world.newProcess(name);
    const { connector, descriptors } = ports;
    return start(
      client({
        ctx: lifetime.ctx,
        name,
        url: this.manager.url,
        connector,
        dialTimeoutMs: DIAL_TIMEOUT_MS,
        elements: [kernelClient(), sendfdClient(descriptors)],
      }),
    );
  }

  /** The registries as the cluster's pods reach them. */
  access(): RegistryAccess {
    const { ports, lifetime } = this.world.newProcess("operator");
    return registryAccess(ports, lifetime.ctx, this.manager.url);
  }
}
