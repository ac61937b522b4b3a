// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  type Context,
  elementStatistics,
  endpointKind,
  findAll,
  networkServiceKind,
  startRegistry,
  withTimeout,
} from "@nsm/core";
import { registryClient } from "@nsm/sdk/chains/registry-client";
import { clientInfoClient } from "@nsm/sdk/registry/common/client-info";
import { sendfdClient } from "@nsm/sdk/registry/common/sendfd";
import type { Ports } from "../ports.js";
import type { NseConfig } from "./config.js";

/** A registry that does not answer so soon does not keep an endpoint from its start, milliseconds. */
const FIND_TIMEOUT_MS = 1_000;

/** An endpoint's entry in the registry. */
export interface EndpointRegistration {
  /** Whether an endpoint of this name is registered; true when nobody can tell. */
  isKnown(ctx: Context): Promise<boolean>;
  /** Registers the network services (if configured) and the endpoint; repeats until it succeeds or `ctx` ends. */
  register(ctx: Context, url: URL): Promise<void>;
  /** Removes the endpoint; a failure is logged, the registration then expires. */
  unregister(ctx: Context): Promise<void>;
  statistics(): Record<string, number>;
}

/** @param life context of refresh and heal of the registration */
export function endpointRegistration(config: NseConfig, ports: Ports, life: Context): EndpointRegistration {
  const { connector, clientLabels, descriptors } = ports;
  const url = config.connectTo;
  const policy = ports.policies?.(config.registryClientPolicies);
  const services = startRegistry(
    registryClient(networkServiceKind, { ctx: life, connector, url, authorizeClient: policy }),
  );
  const client = registryClient(endpointKind, {
    ctx: life,
    connector,
    url,
    authorizeClient: policy,
    additional: [clientInfoClient(clientLabels), sendfdClient(descriptors)],
  });
  const endpoints = startRegistry(client);
  let registered: NetworkServiceEndpoint | undefined;
  return {
    async isKnown(ctx) {
      const { name } = config;
      const bounded = withTimeout(ctx, FIND_TIMEOUT_MS);
      try {
        const found = await findAll(endpoints, bounded.ctx, newNetworkServiceEndpoint({ name }));
        return found.some((endpoint) => endpoint.name === name);
      } catch (err) {
        ctx.log.info({ name, err }, "the registry cannot tell whether there was such an endpoint before");
        return true;
      } finally {
        bounded.cancel();
      }
    },
    async register(ctx, listenUrl) {
      if (config.registerService) {
        for (const name of config.serviceNames) {
          await services.register(ctx, newNetworkService({ name, payload: config.payload }));
        }
      }
      const labels = Object.fromEntries(
        config.serviceNames.map((name) => [name, { labels: { ...config.labels } }]),
      );
      registered = await endpoints.register(
        ctx,
        newNetworkServiceEndpoint({
          name: config.name,
          networkServiceNames: [...config.serviceNames],
          networkServiceLabels: labels,
          url: listenUrl.href,
        }),
      );
      ctx.log.info({ name: registered.name, url: listenUrl.href }, "endpoint registered");
    },
    async unregister(ctx) {
      if (!registered) return;
      try {
        await endpoints.unregister(ctx, registered);
      } catch (error) {
        ctx.log.warn({ name: registered.name, err: error }, "endpoint was not unregistered, it will expire");
      }
    },
    statistics: () => elementStatistics(client),
  };
}
