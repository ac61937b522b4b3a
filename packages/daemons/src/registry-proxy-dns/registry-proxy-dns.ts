// SPDX-License-Identifier: Apache-2.0
import { type Daemon, elementStatistics } from "@nsm/core";
import { registryProxyDns as registryProxyDnsChains } from "@nsm/sdk/chains/registry-proxy-dns";
import type { Ports } from "../ports.js";
import type { RegistryProxyDnsConfig } from "./config.js";

/** Passes registry calls for other domains on to their registries, found by the DNS. Upstream: cmd-registry-proxy-dns. */
export function registryProxyDns(_config: RegistryProxyDnsConfig, ports: Ports): Daemon {
  const { tokens, connector, resolver } = ports;
  const services = registryProxyDnsChains({ tokens, connector, resolver });
  return {
    services,
    statistics: () => ({
      ...elementStatistics(services.networkServices),
      ...elementStatistics(services.endpoints),
    }),
  };
}
