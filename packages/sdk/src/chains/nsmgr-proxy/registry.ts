// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import {
  type Connector,
  endpointKind,
  networkServiceKind,
  registryChain,
  type TokenSource,
  type WatchedFile,
} from "@nsm/core";
import {
  clientSlots,
  type RegistryAuthorization,
  serverSlots,
} from "../../registry/common/authorize/index.js";
import { beginClient, beginServer } from "../../registry/common/begin/index.js";
import { clientConnClient } from "../../registry/common/client-conn/index.js";
import { clientUrlClient, clientUrlServer } from "../../registry/common/client-url/index.js";
import { clusterInfoServer } from "../../registry/common/cluster-info/index.js";
import { connectClient, connectServer } from "../../registry/common/connect/index.js";
import { dialClient } from "../../registry/common/dial/index.js";
import { grpcMetadataClient, grpcMetadataServer } from "../../registry/common/grpc-metadata/index.js";
import {
  type EndpointUrls,
  interdomainBypassServer,
} from "../../registry/common/interdomain-bypass/index.js";
import { swapIpServer } from "../../registry/common/swap-ip/index.js";
import { updatePathServer } from "../../registry/common/update-path/index.js";
import type { StringMap } from "../../utils/string-map/index.js";
import type { Registries } from "../registry/index.js";

/** What {@link nsmgrProxyRegistry} needs. */
export interface NsmgrProxyRegistryOptions {
  readonly tokens: TokenSource;
  readonly connector: Connector;
  /** Public URL of this proxy as text: the address under which endpoints of other domains are shown. */
  readonly selfUrl: string;
  /** Where endpoints really are; shared with the NetworkService half. */
  readonly endpointUrls: EndpointUrls;
  /** Registry that knows other domains, usually the registry-proxy. */
  readonly registryProxyUrl: URL | undefined;
  /** IP addresses inside the cluster to those outside. */
  readonly addresses: WatchedFile<StringMap>;
  /** Labels that endpoints registered in other domains get. */
  readonly clusterInfo: WatchedFile<StringMap>;
  /** Checks callers. Default: anybody may. */
  readonly authorizeServer?: RegistryAuthorization | undefined;
  /** Checks the answers of the registry-proxy. Default: none. */
  readonly authorizeClient?: RegistryAuthorization | undefined;
  /** Milliseconds for network services; default 300. Endpoints have no limit but the call's, as upstream. */
  readonly dialTimeoutMs?: number;
}

/**
 * The registries of a domain's border: everything goes to the registry-proxy, endpoints by the border's own address
 * in both directions. Order is upstream's (`nsmgrproxy.NewServer`).
 */
export function nsmgrProxyRegistry(options: NsmgrProxyRegistryOptions): Registries {
  const { tokens, connector, registryProxyUrl, dialTimeoutMs = 300 } = options;
  const authorize = serverSlots(options.authorizeServer);
  const authorizeClient = clientSlots(options.authorizeClient);
  return {
    networkServices: registryChain<NetworkService>(
      "network-service-registry",
      grpcMetadataServer(),
      updatePathServer(tokens),
      ...authorize.networkServices,
      connectServer(
        registryChain<NetworkService>(
          "proxy-client",
          beginClient(networkServiceKind),
          clientUrlClient(registryProxyUrl),
          clientConnClient(),
          ...authorizeClient.networkServices,
          grpcMetadataClient(),
          dialClient(connector, { dialTimeoutMs }),
          connectClient(networkServiceKind),
        ),
      ),
    ),
    endpoints: registryChain<NetworkServiceEndpoint>(
      "endpoint-registry",
      grpcMetadataServer(),
      updatePathServer(tokens),
      ...authorize.endpoints,
      beginServer(endpointKind),
      clientUrlServer(registryProxyUrl),
      interdomainBypassServer(options.selfUrl, options.endpointUrls), // own address before it is translated
      swapIpServer(options.addresses),
      clusterInfoServer(options.clusterInfo),
      connectServer(
        registryChain<NetworkServiceEndpoint>(
          "proxy-client",
          clientConnClient(),
          ...authorizeClient.endpoints,
          grpcMetadataClient(),
          dialClient(connector, { dialTimeoutMs: 0 }),
          connectClient(endpointKind),
        ),
      ),
    ),
  };
}
