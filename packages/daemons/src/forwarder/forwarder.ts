// SPDX-License-Identifier: Apache-2.0
import { newNetworkServiceEndpoint } from "@nsm/api";
import {
  type Context,
  type Daemon,
  elementStatistics,
  endpointKind,
  type NetworkServiceElement,
  networkServiceKind,
  registryChain,
  rootContext,
  startRegistry,
  untilDone,
  withCancel,
} from "@nsm/core";
import { type Dataplane, forwarderServer, kernelDataplane } from "@nsm/dataplane";
import { registryClient } from "@nsm/sdk/chains/registry-client";
import { cleanupClient } from "@nsm/sdk/networkservice/common/cleanup";
import { recvfdClient } from "@nsm/sdk/registry/common/recvfd";
import { sendfdClient } from "@nsm/sdk/registry/common/sendfd";
import { singleFlightClient } from "@nsm/sdk/registry/common/single-flight";
import { connectionAuthorization } from "../authorization.js";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import type { ForwarderConfig } from "./config.js";

/**
 * The forwarder of a node over kernel links: builds the links of connections, and registers itself with the node's
 * manager under the forwarders' network service. Upstream: cmd-forwarder-vpp. On stop links stay, so that traffic
 * goes on while it is replaced; with `cleanupOnExit` they are removed, and no other hop is told.
 * @param given the data plane to build with; default: this kernel's, by `tunnelIp` and `vxlanPort` of `config`
 * @throws what `kernelDataplane` throws, when there is nothing to build links with; INVALID_ARGUMENT for policies that
 *   do not exist
 */
export async function forwarder(config: ForwarderConfig, ports: Ports, given?: Dataplane): Promise<Daemon> {
  const { log, connector, descriptors, policies } = ports;
  const { connectTo: url, tunnelIp, vxlanPort } = config;
  const dataplane = given ?? (await kernelDataplane({ log, tunnelIp, vxlanPort }));
  const life = daemonLifetime(ports);
  // Discovery fails at once, as upstream's: the caller decides whether to try again
  const discovery = { ctx: life.ctx, connector, url, retry: false, heal: false } as const;
  const cleanup = config.cleanupOnExit ? cleanupAtEnd(ports) : undefined;
  const policy = policies?.(config.registryClientPolicies);
  const { networkService, monitor } = forwarderServer({
    ctx: life.ctx,
    name: config.name,
    tokens: ports.tokens,
    connector,
    descriptors,
    registries: {
      networkServices: startRegistry(
        registryChain(
          "discovery",
          singleFlightClient(networkServiceKind, life.ctx),
          registryClient(networkServiceKind, discovery),
        ),
      ),
      endpoints: startRegistry(
        registryClient(endpointKind, { ...discovery, additional: [recvfdClient(life.ctx)] }),
      ),
    },
    ...connectionAuthorization(config, ports),
    ...(cleanup && { cleanup: cleanup.element }),
    dataplane,
    mechanismPriority: config.mechanismPriority,
    ipOverVxlan: config.ipOverVxlan,
    ...(config.purgeAfterMs !== undefined && { maxTokenLifetimeMs: config.purgeAfterMs }),
    dialTimeoutMs: config.dialTimeoutMs,
  });
  const registration = startRegistry(
    registryClient(endpointKind, {
      ctx: life.ctx,
      connector,
      url,
      authorizeClient: policy,
      additional: [sendfdClient(descriptors)],
    }),
  );
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
      await cleanup?.run(ctx);
      life.cancel();
      dataplane.close();
    },
    statistics: () => elementStatistics(networkService),
    totals: () => dataplane.totals?.() ?? {},
  };
}

/** Removes what connections have built; `run` lasts until that is done, or its context ends. */
function cleanupAtEnd({ clock, log }: Ports): {
  element: NetworkServiceElement;
  run(ctx: Context): Promise<void>;
} {
  const untilEnd = withCancel(rootContext({ clock, log })); // not the daemon's: what is killed cleans nothing
  let done = (): void => {};
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  return {
    element: cleanupClient(untilEnd.ctx, { tellNextHop: false, done: () => done() }),
    async run(ctx) {
      untilEnd.cancel();
      await untilDone(ctx, finished).catch((error: unknown) => {
        ctx.log.warn({ err: error }, "not all links were removed in time");
      });
    },
  };
}
