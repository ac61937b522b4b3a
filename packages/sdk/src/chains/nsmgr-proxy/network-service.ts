// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import {
  type Connector,
  type Context,
  endpointKind,
  type MonitorService,
  type NetworkServiceElement,
  networkServiceKind,
  type RegistryItem,
  type RegistryKind,
  type RegistryNext,
  registryChain,
  startRegistry,
  type TokenSource,
  type WatchedFile,
} from "@nsm/core";
import { clusterInfoServer } from "../../networkservice/common/cluster-info/index.js";
import { connectServer } from "../../networkservice/common/connect/index.js";
import { discoverServer } from "../../networkservice/common/discover/index.js";
import {
  type EndpointAddresses,
  interdomainBypassServer,
} from "../../networkservice/common/interdomain-bypass/index.js";
import { swapIpClient, swapIpServer } from "../../networkservice/common/swap-ip/index.js";
import { beginClient } from "../../registry/common/begin/index.js";
import { clientConnClient } from "../../registry/common/client-conn/index.js";
import { clientUrlClient } from "../../registry/common/client-url/index.js";
import { connectClient } from "../../registry/common/connect/index.js";
import { dialClient } from "../../registry/common/dial/index.js";
import type { StringMap } from "../../utils/string-map/index.js";
import { client } from "../client/index.js";
import { type Endpoint, endpoint } from "../endpoint/index.js";

/** What {@link nsmgrProxyNetworkService} needs. */
export interface NsmgrProxyNetworkServiceOptions {
  /** Lifetime, clock and log of the chain's background work. */
  readonly ctx: Context;
  /** Name of the proxy's path segment. Default `nsmgr-proxy-<uuid>`. */
  readonly name?: string;
  readonly tokens: TokenSource;
  readonly connector: Connector;
  /** Where endpoints really are; the registry half learns it. */
  readonly endpointUrls: EndpointAddresses;
  /** The domain's own registry, for requests that come from other domains. */
  readonly registryUrl: URL | undefined;
  /** IP addresses inside the cluster to those outside. */
  readonly addresses: WatchedFile<StringMap>;
  /** Labels that connections get. */
  readonly clusterInfo: WatchedFile<StringMap>;
  /** See `EndpointOptions`. Default: nobody is refused by identity alone. */
  readonly admit?: NetworkServiceElement;
  /** Checks callers. Default: anybody may, as upstream's daemon. */
  readonly authorize?: NetworkServiceElement;
  /** Puts a check before the connection events. Default: anybody may follow them. */
  readonly authorizeMonitor?: (inner: MonitorService) => MonitorService;
  /** Milliseconds for a next hop and for the registry of endpoints; default 0: bounded by the call alone. */
  readonly dialTimeoutMs?: number;
}

/** Upstream's dial timeout of the registry of network services. */
const SERVICE_DIAL_TIMEOUT_MS = 300;

/**
 * The NetworkService and MonitorConnection half of a domain's border: requests that leave go to the proxy of the
 * other domain, requests that come in to the manager of their endpoint, with tunnel addresses translated. Nothing
 * chooses an endpoint here: requests name theirs. Order is upstream's (`nsmgrproxy.NewServer`).
 */
export function nsmgrProxyNetworkService(options: NsmgrProxyNetworkServiceOptions): Endpoint {
  const { ctx, tokens, connector, addresses, registryUrl, dialTimeoutMs = 0 } = options;
  const { name = `nsmgr-proxy-${randomUUID()}` } = options;
  const nextHop = client({
    ctx,
    name, // the server's segment
    connector,
    dialTimeoutMs,
    refresh: false, // the client at the start of the path refreshes
    elements: [swapIpClient(addresses)],
  });
  return endpoint({
    ctx,
    name,
    tokens,
    ...(options.admit && { admit: options.admit }),
    ...(options.authorize === undefined ? {} : { authorize: options.authorize }),
    ...(options.authorizeMonitor === undefined ? {} : { authorizeMonitor: options.authorizeMonitor }),
    elements: [
      interdomainBypassServer(options.endpointUrls),
      discoverServer({
        networkServices: lookup(networkServiceKind, connector, registryUrl, SERVICE_DIAL_TIMEOUT_MS),
        endpoints: lookup(endpointKind, connector, registryUrl, dialTimeoutMs),
      }),
      swapIpServer(addresses),
      clusterInfoServer(options.clusterInfo),
      connectServer(nextHop),
    ],
  });
}

/** A client of the domain's registry that only finds. */
function lookup<T extends RegistryItem>(
  kind: RegistryKind<T>,
  connector: Connector,
  url: URL | undefined,
  dialTimeoutMs: number,
): RegistryNext<T> {
  return startRegistry(
    registryChain<T>(
      "registry-client",
      beginClient(kind),
      clientUrlClient(url),
      clientConnClient(),
      dialClient(connector, { dialTimeoutMs }),
      connectClient(kind),
    ),
  );
}
