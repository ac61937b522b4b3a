// SPDX-License-Identifier: Apache-2.0
import { type NetworkService, type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import {
  type Context,
  type Daemon,
  elementStatistics,
  endpointKind,
  type NetworkServiceElement,
  networkServiceKind,
  type RegistryNext,
  startRegistry,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { client } from "@nsm/sdk/chains/client";
import { endpoint } from "@nsm/sdk/chains/endpoint";
import { registryClient } from "@nsm/sdk/chains/registry-client";
import { connectServer } from "@nsm/sdk/networkservice/common/connect";
import { discoverServer } from "@nsm/sdk/networkservice/common/discover";
import { mechanismTranslationClient } from "@nsm/sdk/networkservice/common/mechanism-translation";
import { roundRobinServer } from "@nsm/sdk/networkservice/common/round-robin";

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

/** What registers with a manager and serves connections. */
export interface ServedEndpoint {
  readonly name: string;
  readonly services: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly managerUrl: URL;
  /** What it does with a connection. */
  readonly elements: readonly NetworkServiceElement[];
}

/** An endpoint chain that registers itself when it starts. */
export function servedEndpoint(served: ServedEndpoint, ports: Ports, ctx: Context): Daemon {
  const { name, services } = served;
  const { networkService, monitor } = endpoint({
    ctx,
    tokens: ports.tokens,
    name,
    elements: served.elements,
  });
  const registry = registryAccess(ports, ctx, served.managerUrl);
  const item = (): NetworkServiceEndpoint =>
    newNetworkServiceEndpoint({
      name,
      networkServiceNames: [...services],
      networkServiceLabels: Object.fromEntries(
        services.map((service) => [service, { labels: { ...served.labels } }]),
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

/** A forwarder without a data plane: discovers, translates mechanisms, passes on. Upstream: the sandbox's forwarder. */
export function sandboxForwarder(name: string, managerUrl: URL, ports: Ports, ctx: Context): Daemon {
  const registries = registryAccess(ports, ctx, managerUrl);
  const next = client({
    ctx,
    name,
    connector: ports.connector,
    refresh: false,
    elements: [mechanismTranslationClient()],
  });
  return servedEndpoint(
    {
      name,
      services: ["forwarder"],
      labels: { p2p: "true" },
      managerUrl,
      elements: [discoverServer(registries), roundRobinServer(), connectServer(next)],
    },
    ports,
    ctx,
  );
}
