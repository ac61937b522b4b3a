// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import {
  type Connector,
  type Context,
  type Descriptors,
  endpointKind,
  networkServiceKind,
  type RegistryElement,
  type RegistryNext,
  registryChain,
  startRegistry,
  type TokenSource,
} from "@nsm/core";
import {
  clientSlots,
  type RegistryAuthorization,
  serverSlots,
} from "../../registry/common/authorize/index.js";
import { beginClient, beginServer } from "../../registry/common/begin/index.js";
import { clientConnClient } from "../../registry/common/client-conn/index.js";
import { type ClientInfo, clientInfoServer } from "../../registry/common/client-info/index.js";
import { clientUrlClient } from "../../registry/common/client-url/index.js";
import { connectClient, connectServer } from "../../registry/common/connect/index.js";
import { dialClient } from "../../registry/common/dial/index.js";
import { expireServer } from "../../registry/common/expire/index.js";
import { grpcMetadataClient, grpcMetadataServer } from "../../registry/common/grpc-metadata/index.js";
import { localBypassServer } from "../../registry/common/local-bypass/index.js";
import { localSocketsServer } from "../../registry/common/local-sockets/index.js";
import { memoryServer } from "../../registry/common/memory/index.js";
import { recvfdServer } from "../../registry/common/recvfd/index.js";
import { sendfdServer } from "../../registry/common/sendfd/index.js";
import { singleFlightClient } from "../../registry/common/single-flight/index.js";
import { updatePathServer } from "../../registry/common/update-path/index.js";
import { memoryStore } from "../../registry/stores/memory.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../utils/matching/index.js";

/** What {@link nsmgrRegistry} needs. */
export interface NsmgrRegistryOptions {
  /** Lifetime of the chains: expiry timers end with it. */
  readonly ctx: Context;
  readonly tokens: TokenSource;
  readonly connector: Connector;
  /** Checks callers; the manager's own lookups are not calls. Default: anybody may. */
  readonly authorizeServer?: RegistryAuthorization | undefined;
  /** Checks the answers of the domain's registry. Default: none. */
  readonly authorizeClient?: RegistryAuthorization | undefined;
  /** Public URL of this manager as text, under which its node's endpoints are registered. */
  readonly managerUrl: string;
  /** The domain's registry; undefined = the manager keeps registrations itself, in memory. */
  readonly registryUrl?: URL | undefined;
  /** Labels added to endpoints that bring none. */
  readonly clientInfo?: ClientInfo;
  /** Takes and sends sockets of endpoints as descriptors. Default: endpoints are reached by the path of their socket. */
  readonly descriptors?: Descriptors;
  /** Directories below which endpoints may name sockets by path, see `localSocketsServer`. Default: any path. */
  readonly socketDirectories?: readonly string[] | undefined;
  /** Network service of forwarders, whose sockets outlive a failed registration. Default `forwarder`. */
  readonly forwarderService?: string;
  /** Longest life of an endpoint's registration between refreshes, milliseconds; default 60 000. */
  readonly defaultExpirationMs?: number;
  /** Milliseconds; default 15 000 (the daemon sets its own). */
  readonly dialTimeoutMs?: number;
}

/** The registries a manager serves, and how it looks things up itself. */
export interface NsmgrRegistry {
  readonly networkServices: RegistryElement<NetworkService>;
  readonly endpoints: RegistryElement<NetworkServiceEndpoint>;
  /** For the manager's own `discoverforwarder` and `netsvcmonitor`: endpoints of the node show their own URLs. */
  readonly discovery: {
    readonly networkServices: RegistryNext<NetworkService>;
    readonly endpoints: RegistryNext<NetworkServiceEndpoint>;
  };
}

/**
 * The registries inside a manager. Order is upstream's (`chains/nsmgr.NewServer`) but for two places: without a
 * registry URL `localbypass` stands before the store, so that forwarders are found by the manager's URL there too;
 * with one `single-flight` stands in front of its client.
 */
export function nsmgrRegistry(options: NsmgrRegistryOptions): NsmgrRegistry {
  const { ctx, tokens, clientInfo = {}, defaultExpirationMs = 60_000 } = options;
  const authorize = serverSlots(options.authorizeServer);
  const networkServices = registryChain<NetworkService>(
    "network-service-registry",
    grpcMetadataServer(),
    updatePathServer(tokens),
    ...authorize.networkServices,
    networkServiceRegistration(options),
  );
  const registration = registryChain<NetworkServiceEndpoint>(
    "registration",
    localBypassServer(options.managerUrl),
    endpointRegistration(options),
  );
  const endpoints = registryChain<NetworkServiceEndpoint>(
    "endpoint-registry",
    grpcMetadataServer(),
    updatePathServer(tokens),
    ...authorize.endpoints,
    ...(options.socketDirectories === undefined ? [] : [localSocketsServer(options.socketDirectories)]),
    beginServer(endpointKind),
    clientInfoServer(clientInfo),
    expireServer(ctx, { defaultExpirationMs }),
    ...socketPassing(options),
    registration,
  );
  return {
    networkServices,
    endpoints,
    discovery: { networkServices: startRegistry(networkServices), endpoints: startRegistry(registration) },
  };
}

function socketPassing({
  ctx,
  descriptors,
  forwarderService = "forwarder",
}: NsmgrRegistryOptions): RegistryElement<NetworkServiceEndpoint>[] {
  if (descriptors === undefined) return [];
  return [recvfdServer(ctx, { forwarderService }), sendfdServer(descriptors)];
}

function networkServiceRegistration(options: NsmgrRegistryOptions): RegistryElement<NetworkService> {
  const { ctx, connector, registryUrl, dialTimeoutMs = 15_000 } = options;
  if (registryUrl === undefined) return memoryServer(memoryStore(networkServiceKind, matchNetworkServices));
  return connectServer(
    registryChain<NetworkService>(
      "registry-client",
      singleFlightClient(networkServiceKind, ctx),
      clientUrlClient(registryUrl),
      beginClient(networkServiceKind),
      clientConnClient(),
      ...clientSlots(options.authorizeClient).networkServices,
      grpcMetadataClient(),
      dialClient(connector, { dialTimeoutMs }),
      connectClient(networkServiceKind),
    ),
  );
}

function endpointRegistration(options: NsmgrRegistryOptions): RegistryElement<NetworkServiceEndpoint> {
  const { ctx, connector, registryUrl, dialTimeoutMs = 15_000 } = options;
  if (registryUrl === undefined) return memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints));
  return connectServer(
    registryChain<NetworkServiceEndpoint>(
      "registry-client",
      singleFlightClient(endpointKind, ctx),
      beginClient(endpointKind),
      clientUrlClient(registryUrl),
      clientConnClient(),
      ...clientSlots(options.authorizeClient).endpoints,
      grpcMetadataClient(),
      dialClient(connector, { dialTimeoutMs }),
      connectClient(endpointKind),
    ),
  );
}
