// SPDX-License-Identifier: Apache-2.0
import { type Daemon, elementStatistics } from "@nsm/core";
import { registryProxyDns as registryProxyDnsChains } from "@nsm/sdk/chains/registry-proxy-dns";
import { registryAuthorization } from "../authorization.js";
import type { Ports } from "../ports.js";
import type { RegistryProxyDnsConfig } from "./config.js";

/**
 * Passes registry calls for other domains on to their registries, found by the DNS. Upstream: cmd-registry-proxy-dns.
 * @throws INVALID_ARGUMENT for policies that do not exist
 */
export function registryProxyDns(config: RegistryProxyDnsConfig, ports: Ports): Daemon {
  const { tokens, connector, resolver } = ports;
  const services = registryProxyDnsChains({
    ...registryAuthorization(config, ports),
    tokens,
    connector,
    resolver,
  });
  return {
    services,
    statistics: () => elementStatistics(services.networkServices, services.endpoints),
  };
}
