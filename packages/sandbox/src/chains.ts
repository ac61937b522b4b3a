// SPDX-License-Identifier: Apache-2.0
import {
  MechanismType,
  type NetworkService,
  type NetworkServiceEndpoint,
  newNetworkServiceEndpoint,
} from "@nsm/api";
import {
  type Context,
  chain,
  type Daemon,
  elementStatistics,
  endpointKind,
  type NetworkServiceElement,
  type NetworkServiceNext,
  networkServiceKind,
  type RegistryNext,
  start,
  startRegistry,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { client } from "@nsm/sdk/chains/client";
import { endpoint } from "@nsm/sdk/chains/endpoint";
import { registryClient } from "@nsm/sdk/chains/registry-client";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { kernelClient, kernelServer } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdClient, sendfdServer } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";

/** Registries as a daemon reaches them through its manager. */
export interface RegistryAccess {
  readonly networkServices: RegistryNext<NetworkService>;
  readonly endpoints: RegistryNext<NetworkServiceEndpoint>;
}

/** Registry clients over the manager's socket. */
export function registryAccess(ports: Ports, ctx: Context, managerUrl: URL): RegistryAccess {
  const { connector } = ports;
  return {
    networkServices: startRegistry(registryClient(networkServiceKind, { ctx, connector, url: managerUrl })),
    endpoints: startRegistry(registryClient(endpointKind, { ctx, connector, url: managerUrl })),
  };
}

/** An endpoint to be started on a node. */
export interface EndpointSpec {
  readonly name: string;
  readonly services: readonly string[];
  /** Labels of every service. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What it does with a connection before it offers its kernel interface. Default: nothing. */
  readonly elements?: readonly NetworkServiceElement[];
}

/** An endpoint with a kernel interface per connection, that registers itself when it starts. */
export function servedEndpoint(spec: EndpointSpec, managerUrl: URL, ports: Ports, ctx: Context): Daemon {
  const { name, services, labels = {}, elements = [] } = spec;
  const { networkService, monitor } = endpoint({
    ctx,
    tokens: ports.tokens,
    name,
    elements: [
      ...elements,
      mechanismsServer({ [MechanismType.KERNEL]: kernelServer(), [MechanismType.NOOP]: chain("noop") }),
      sendfdServer(ports.descriptors),
    ],
  });
  const registry = registryAccess(ports, ctx, managerUrl);
  const item = (): NetworkServiceEndpoint =>
    newNetworkServiceEndpoint({
      name,
      networkServiceNames: [...services],
      networkServiceLabels: Object.fromEntries(
        services.map((service) => [service, { labels: { ...labels } }]),
      ),
      url: ports.servedUrls()[0]?.href ?? "",
    });
  return {
    services: { networkService, monitor },
    start: async (startCtx) => void (await registry.endpoints.register(startCtx, item())),
    stop: (stopCtx) => registry.endpoints.unregister(stopCtx, item()),
    statistics: () => elementStatistics(networkService),
  };
}

/** A client of the sandbox. */
export interface SandboxClient extends NetworkServiceNext {
  /** Counts of everything its chain keeps. */
  statistics(): Record<string, number>;
}

const DIAL_TIMEOUT_MS = 2_000;

/** A client that asks a manager for a kernel interface. */
export function sandboxClient(
  name: string,
  managerUrl: URL,
  elements: readonly NetworkServiceElement[],
  { connector, descriptors }: Ports,
  ctx: Context,
): SandboxClient {
  const element = client({
    ctx,
    name,
    url: managerUrl,
    connector,
    dialTimeoutMs: DIAL_TIMEOUT_MS,
    elements: [...elements, kernelClient(), sendfdClient(descriptors)],
  });
  const chained = start(element);
  return {
    request: (callCtx, request) => chained.request(callCtx, request),
    close: (callCtx, connection) => chained.close(callCtx, connection),
    statistics: () => elementStatistics(element),
  };
}
