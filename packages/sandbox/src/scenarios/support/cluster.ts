// SPDX-License-Identifier: Apache-2.0
import type { Labels } from "@nsm/api";
import type { NetworkServiceElement, NetworkServiceNext } from "@nsm/core";
import type { ClientLabels } from "@nsm/daemons";
import { forwarder, memoryDataplane } from "@nsm/daemons/forwarder";
import { nsmgr } from "@nsm/daemons/nsmgr";
import { nsmgrProxy } from "@nsm/daemons/nsmgr-proxy";
import { registry } from "@nsm/daemons/registry";
import { registryProxyDns } from "@nsm/daemons/registry-proxy-dns";
import type { FakeDns } from "@nsm/testkit";
import { type EndpointSpec, sandboxClient, servedEndpoint } from "../../chains.js";
import type { Domain, Entry } from "../../index.js";

const DIAL_TIMEOUT_MS = 2_000;
const FORWARDERS = "forwarder";
const NO_LABELS: ClientLabels = { nodeName: undefined, podName: undefined, clusterName: undefined };

/** What a cluster is made of. Several may stand in one domain's network: they find each other by `dns` alone. */
export interface ClusterOptions {
  /** Name of its domain; part of the addresses of everything in it. */
  readonly name: string;
  /** Default 1. */
  readonly nodes?: number;
  /** Labels of the forwarders of every node, by name; default one forwarder with `p2p: "true"`. */
  readonly forwarders?: Readonly<Record<string, Labels>>;
  /** Labels that managers know about their node. */
  readonly clientLabels?: Partial<ClientLabels>;
  /** Publishes the cluster and, with nodes, gives it proxies. Default: it stands alone. */
  readonly dns?: FakeDns;
}

/** A node of a cluster. */
export interface ClusterNode {
  readonly manager: Entry;
  readonly forwarders: readonly Entry[];
  /** Starts an endpoint and registers it with the manager. */
  newEndpoint(spec: EndpointSpec): Promise<Entry>;
  /** A client with retry and heal. @param elements behind `dial`, before the kernel mechanism */
  newClient(name: string, elements?: readonly NetworkServiceElement[]): NetworkServiceNext;
}

/** A registry, nodes and, when it is published, the proxies of its border. */
export interface Cluster {
  readonly name: string;
  readonly registry: Entry;
  /** Its `nsmgr-proxy`; undefined when it has none. */
  readonly border: Entry | undefined;
  readonly nodes: readonly ClusterNode[];
  node(index: number): ClusterNode;
}

const entryName = (cluster: string, name: string): string => `${name.replaceAll("@", ".at.")}.${cluster}`;

/** The address for callers on other nodes. */
function publicOf(urls: readonly URL[]): URL {
  const url = urls.at(-1);
  if (!url) throw new Error("there is no address");
  return url;
}

/** Adds a cluster to a domain of no nodes, whose network it uses. A cluster of no nodes is a floating registry. */
export async function addCluster(domain: Domain, options: ClusterOptions): Promise<Cluster> {
  const { name, nodes: count = 1, dns } = options;
  const addressOf = (entry: string): URL => publicOf(domain.network.addresses(entryName(name, entry)));
  const registryUrl = addressOf("registry");
  const hasProxies = dns !== undefined && count > 0;
  const entry = await domain.add(entryName(name, "registry"), (ports) =>
    registry({ listenOn: [], proxyRegistryUrl: hasProxies ? addressOf("nsmgr-proxy") : undefined }, ports),
  );
  if (dns !== undefined) publish(dns, `registry.nsm-system.${name}`, registryUrl);
  let border: Entry | undefined;
  if (hasProxies) {
    const proxyUrl = addressOf("nsmgr-proxy");
    publish(dns, `nsmgr-proxy.nsm-system.${name}`, proxyUrl);
    await domain.add(entryName(name, "registry-proxy"), (ports) =>
      registryProxyDns({ listenOn: [] }, { ...ports, resolver: dns }),
    );
    border = await domain.add(entryName(name, "nsmgr-proxy"), (ports) =>
      nsmgrProxy(
        {
          name: `nsmgr-proxy-${name}`,
          listenOn: [],
          mapIpFilePath: "map-ip",
          clusterInfoFilePath: "cluster-info",
          registryUrl,
          registryProxyUrl: addressOf("registry-proxy"),
          publicUrl: proxyUrl,
        },
        ports,
      ),
    );
  }
  const nodes: ClusterNode[] = [];
  for (let index = 1; index <= count; index++) {
    nodes.push(await addNode(domain, options, index, registryUrl));
  }
  const node = (index: number): ClusterNode => {
    const found = nodes[index - 1];
    if (!found) throw new Error(`${name} has no node ${index}`);
    return found;
  };
  return { name, registry: entry, border, nodes, node };
}

function publish(dns: FakeDns, name: string, url: URL): void {
  dns.publish(name, { port: Number(url.port), addresses: [url.hostname] });
}

async function addNode(
  domain: Domain,
  { name: cluster, forwarders = { forwarder: { p2p: "true" } }, clientLabels = {} }: ClusterOptions,
  index: number,
  registryUrl: URL,
): Promise<ClusterNode> {
  const managerName = `nsmgr-${index}`;
  const manager = await domain.add(entryName(cluster, managerName), (ports) =>
    nsmgr(
      {
        name: managerName,
        listenOn: ports.servedUrls(),
        registryUrl,
        dialTimeoutMs: DIAL_TIMEOUT_MS,
        forwarderServiceName: FORWARDERS,
        publicUrl: publicOf(ports.servedUrls()),
      },
      { ...ports, clientLabels: { ...NO_LABELS, ...clientLabels } },
    ),
  );
  const entries: Entry[] = [];
  for (const [forwarderName, labels] of Object.entries(forwarders)) {
    const name = `${forwarderName}-${index}`;
    const tunnelIp = `10.99.${entries.length}.${index}`;
    const dataplane = memoryDataplane(tunnelIp);
    const config = {
      name,
      labels,
      networkServiceName: FORWARDERS,
      connectTo: manager.url,
      listenOn: manager.url,
      dialTimeoutMs: DIAL_TIMEOUT_MS,
      tunnelIp,
      vxlanPort: 0,
      mechanismPriority: [],
      registryClientPolicies: [],
      cleanupOnExit: false,
      ipOverVxlan: true,
    };
    const build = (ports: Parameters<typeof forwarder>[1]) => forwarder(config, ports, dataplane);
    entries.push(await domain.add(entryName(cluster, name), build));
  }
  return {
    manager,
    forwarders: entries,
    newEndpoint: (spec) =>
      domain.add(entryName(cluster, spec.name), (ports, ctx) =>
        servedEndpoint(spec, manager.url, ports, ctx),
      ),
    newClient: (name, elements) => clientOf(domain, manager.url, name, elements),
  };
}

/** A client with retry and heal, as an application has it. */
export function clientOf(
  domain: Domain,
  url: URL,
  name: string,
  elements: readonly NetworkServiceElement[] = [],
): NetworkServiceNext {
  const { ports, lifetime } = domain.newProcess(name);
  return sandboxClient(name, url, { elements, heal: {}, retry: {} }, ports, lifetime.ctx);
}
