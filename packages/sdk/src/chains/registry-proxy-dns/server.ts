// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import {
  type Connector,
  endpointKind,
  networkServiceKind,
  type RegistryElement,
  type RegistryKind,
  type Resolver,
  registryChain,
  type TokenSource,
} from "@nsm/core";
import {
  clientSlots,
  type RegistryAuthorization,
  serverSlots,
} from "../../registry/common/authorize/index.js";
import { beginServer } from "../../registry/common/begin/index.js";
import { clientConnClient } from "../../registry/common/client-conn/index.js";
import { connectClient, connectServer } from "../../registry/common/connect/index.js";
import { dialClient } from "../../registry/common/dial/index.js";
import { type DnsResolveOptions, dnsResolveServer } from "../../registry/common/dns-resolve/index.js";
import { grpcMetadataClient, grpcMetadataServer } from "../../registry/common/grpc-metadata/index.js";
import { updatePathServer } from "../../registry/common/update-path/index.js";
import type { InterdomainItem } from "../../utils/interdomain/index.js";
import type { Registries } from "../registry/index.js";

/** What {@link registryProxyDns} needs. */
export interface RegistryProxyDnsOptions {
  readonly tokens: TokenSource;
  readonly connector: Connector;
  /** Finds other domains. */
  readonly resolver: Resolver;
  /** Checks callers. Default: anybody may. */
  readonly authorizeServer?: RegistryAuthorization | undefined;
  /** Checks the answers of other domains' registries. Default: none. */
  readonly authorizeClient?: RegistryAuthorization | undefined;
  /** Milliseconds; default 300. */
  readonly dialTimeoutMs?: number;
  /** Names that domains publish; default upstream's. */
  readonly services?: DnsResolveOptions;
}

/**
 * Registries that pass calls for `target@domain` on to that domain's registry, which the DNS names. Order is
 * upstream's (`proxydns.NewServer`), in which the kinds differ in the place of `begin`.
 */
export function registryProxyDns(options: RegistryProxyDnsOptions): Registries {
  const authorize = serverSlots(options.authorizeServer);
  const authorizeClient = clientSlots(options.authorizeClient);
  return {
    networkServices: registryChain<NetworkService>(
      "network-service-registry",
      grpcMetadataServer(),
      updatePathServer(options.tokens),
      beginServer(networkServiceKind),
      ...authorize.networkServices,
      ...otherDomains(networkServiceKind, options, authorizeClient.networkServices),
    ),
    endpoints: registryChain<NetworkServiceEndpoint>(
      "endpoint-registry",
      grpcMetadataServer(),
      updatePathServer(options.tokens),
      ...authorize.endpoints,
      beginServer(endpointKind),
      ...otherDomains(endpointKind, options, authorizeClient.endpoints),
    ),
  };
}

function otherDomains<T extends InterdomainItem>(
  kind: RegistryKind<T>,
  { connector, resolver, dialTimeoutMs = 300, services = {} }: RegistryProxyDnsOptions,
  authorize: readonly RegistryElement<T>[],
): RegistryElement<T>[] {
  return [
    dnsResolveServer(kind, resolver, services),
    connectServer(
      registryChain<T>(
        "domain-client",
        clientConnClient(),
        ...authorize,
        grpcMetadataClient(),
        dialClient(connector, { dialTimeoutMs }),
        connectClient(kind),
      ),
    ),
  ];
}
