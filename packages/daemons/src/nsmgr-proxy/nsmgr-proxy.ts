// SPDX-License-Identifier: Apache-2.0
import { type Daemon, elementStatistics } from "@nsm/core";
import { nsmgrProxyNetworkService, nsmgrProxyRegistry } from "@nsm/sdk/chains/nsmgr-proxy";
import { EndpointUrls } from "@nsm/sdk/registry/common/interdomain-bypass";
import { parseStringMap } from "@nsm/sdk/utils/string-map";
import { connectionAuthorization, NO_POLICIES, registryAuthorization } from "../authorization.js";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import type { NsmgrProxyConfig } from "./config.js";

/**
 * The border of a domain: what leaves for other domains and what comes from them passes here, requests and
 * registrations alike. Connections pass unchecked unless the settings name policies, as upstream.
 * Upstream: cmd-nsmgr-proxy.
 * @throws INVALID_ARGUMENT for policies that do not exist
 */
export function nsmgrProxy(config: NsmgrProxyConfig, ports: Ports): Daemon {
  const { tokens, connector, watchFile } = ports;
  const life = daemonLifetime(ports);
  const authorization = {
    registries: registryAuthorization(config, ports),
    connections: connectionAuthorization(config, ports, NO_POLICIES),
  };
  const addresses = watchFile(config.mapIpFilePath, parseStringMap);
  const clusterInfo = watchFile(config.clusterInfoFilePath, parseStringMap, { createDirectory: false });
  const endpointUrls = new EndpointUrls();
  const common = { tokens, connector, addresses, clusterInfo, endpointUrls };
  const { networkServices, endpoints } = nsmgrProxyRegistry({
    ...common,
    ...authorization.registries,
    selfUrl: config.publicUrl.href,
    registryProxyUrl: config.registryProxyUrl,
  });
  const { networkService, monitor } = nsmgrProxyNetworkService({
    ...common,
    ...authorization.connections,
    ctx: life.ctx,
    name: config.name,
    registryUrl: config.registryUrl,
  });
  return {
    services: { networkService, monitor, networkServices, endpoints },
    async stop() {
      life.cancel();
      addresses.close();
      clusterInfo.close();
    },
    statistics: () => elementStatistics(networkService, networkServices, endpoints),
  };
}
