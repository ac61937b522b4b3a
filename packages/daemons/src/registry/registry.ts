// SPDX-License-Identifier: Apache-2.0
import { type Daemon, elementStatistics } from "@nsm/core";
import { registryServer } from "@nsm/sdk/chains/registry";
import { registryAuthorization } from "../authorization.js";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import type { RegistryConfig } from "./config.js";

/**
 * The registry of a domain, in memory. Upstream: cmd-registry-memory.
 * @throws INVALID_ARGUMENT for policies that do not exist
 */
export function registry(config: RegistryConfig, ports: Ports): Daemon {
  const life = daemonLifetime(ports);
  const services = registryServer({
    ...registryAuthorization(config, ports),
    ctx: life.ctx,
    tokens: ports.tokens,
    connector: ports.connector,
    proxyRegistryUrl: config.proxyRegistryUrl,
  });
  return {
    services,
    stop: async () => life.cancel(),
    statistics: () => elementStatistics(services.networkServices, services.endpoints),
  };
}
