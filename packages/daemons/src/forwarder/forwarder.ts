// SPDX-License-Identifier: Apache-2.0
import { newNetworkServiceEndpoint } from "@nsm/api";
import { type Daemon, elementStatistics, endpointKind, networkServiceKind, startRegistry } from "@nsm/core";
import { forwarderServer, kernelDataplane } from "@nsm/dataplane";
import { registryClient } from "@nsm/sdk/chains/registry-client";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import type { ForwarderConfig } from "./config.js";

/**
 * The forwarder of a node over kernel links: builds the links of connections, and registers itself with the node's
 * manager under the forwarders' network service. Upstream: cmd-forwarder-vpp. On stop links stay, so that traffic
 * goes on while it is replaced.
 */
export async function forwarder(config: ForwarderConfig, ports: Ports): Promise<Daemon> {
  const life = daemonLifetime(ports);
  const { log, connector } = ports;
  const url = config.connectTo;
  const dataplane = await kernelDataplane({ log, tunnelIp: config.tunnelIp, vxlanPort: config.vxlanPort });
  // Discovery fails at once, as upstream's: the caller decides whether to try again
  const discovery = { ctx: life.ctx, connector, url, retry: false, heal: false } as const;
  const { networkService, monitor } = forwarderServer({
    ctx: life.ctx,
    name: config.name,
    tokens: ports.tokens,
    connector,
    descriptors: ports.descriptors,
    registries: {
      networkServices: startRegistry(registryClient(networkServiceKind, discovery)),
      endpoints: startRegistry(registryClient(endpointKind, discovery)),
    },
    dataplane,
    mechanismPriority: config.mechanismPriority,
    ipOverVxlan: config.ipOverVxlan,
    dialTimeoutMs: config.dialTimeoutMs,
  });
  const registration = startRegistry(registryClient(endpointKind, { ctx: life.ctx, connector, url }));
  const entry = () =>
    newNetworkServiceEndpoint({
      name: config.name,
      networkServiceNames: [config.networkServiceName],
      networkServiceLabels: { [config.networkServiceName]: { labels: { ...config.labels } } },
      url: (ports.servedUrls()[0] ?? config.listenOn).href,
    });
  return {
    services: { networkService, monitor },
    async start(ctx) {
      await registration.register(ctx, entry());
    },
    async stop(ctx) {
      await registration.unregister(ctx, entry()).catch((error: unknown) => {
        ctx.log.warn({ err: error }, "forwarder was not unregistered, it will expire");
      });
      life.cancel();
      dataplane.close();
    },
    statistics: () => elementStatistics(networkService),
  };
}
