// SPDX-License-Identifier: Apache-2.0
import { dirname } from "node:path";
import { type Daemon, elementStatistics } from "@nsm/core";
import { nsmgrNetworkService, nsmgrRegistry } from "@nsm/sdk/chains/nsmgr";
import { excludedPrefixesServer } from "@nsm/sdk/networkservice/common/excluded-prefixes";
import { connectionAuthorization, registryAuthorization } from "../authorization.js";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import type { NsmgrConfig } from "./config.js";
import { excludedPrefixesFile } from "./excluded-prefixes.js";

/** Where a unix socket lies; below the root directory lies everything, which nobody can have meant. */
function socketDirectory({ protocol, pathname }: URL): string[] {
  const directory = protocol === "unix:" ? dirname(decodeURIComponent(pathname)) : "/";
  return directory === "/" ? [] : [directory];
}

/**
 * The manager of a node: registry of its endpoints and forwarders, and the hop that chooses a forwarder for each
 * connection. Upstream: cmd-nsmgr.
 * @throws INVALID_ARGUMENT for policies that do not exist
 */
export function nsmgr(config: NsmgrConfig, ports: Ports): Daemon {
  const life = daemonLifetime(ports);
  const authorization = {
    registries: registryAuthorization(config, ports),
    connections: connectionAuthorization(config, ports),
  };
  const common = {
    ctx: life.ctx,
    tokens: ports.tokens,
    connector: ports.connector,
    dialTimeoutMs: config.dialTimeoutMs,
    clientInfo: ports.clientLabels,
  };
  const registry = nsmgrRegistry({
    ...common,
    ...authorization.registries,
    managerUrl: config.publicUrl.href,
    registryUrl: config.registryUrl,
    descriptors: ports.descriptors,
    socketDirectories: config.socketDirectories ?? config.listenOn.flatMap(socketDirectory),
    forwarderService: config.forwarderServiceName,
  });
  const prefixes = excludedPrefixesFile(ports);
  const { networkService, monitor } = nsmgrNetworkService({
    ...common,
    ...authorization.connections,
    name: config.name,
    descriptors: ports.descriptors,
    registries: registry.discovery,
    managerUrl: config.publicUrl.href,
    forwarderService: config.forwarderServiceName,
    ...(prefixes === undefined ? {} : { excludedPrefixes: excludedPrefixesServer(prefixes) }),
  });
  const { networkServices, endpoints } = registry;
  return {
    services: { networkService, monitor, networkServices, endpoints },
    async stop() {
      prefixes?.close();
      life.cancel();
    },
    statistics: () => elementStatistics(networkService, networkServices, endpoints),
  };
}
