// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import { endpointKind, networkServiceKind, type RegistryElement, registryChain } from "@nsm/core";
import { clientSlots, serverSlots } from "../../registry/common/authorize/index.js";
import { beginClient, beginServer } from "../../registry/common/begin/index.js";
import { clientConnClient } from "../../registry/common/client-conn/index.js";
import { clientUrlClient } from "../../registry/common/client-url/index.js";
import { connectClient, connectServer } from "../../registry/common/connect/index.js";
import { dialClient } from "../../registry/common/dial/index.js";
import { expireServer } from "../../registry/common/expire/index.js";
import { grpcMetadataClient, grpcMetadataServer } from "../../registry/common/grpc-metadata/index.js";
import { memoryServer } from "../../registry/common/memory/index.js";
import { metadataServer } from "../../registry/common/metadata/index.js";
import { setPayloadServer } from "../../registry/common/set-payload/index.js";
import { setRegistrationTimeServer } from "../../registry/common/set-registration-time/index.js";
import { switchCaseServer } from "../../registry/common/switch-case/index.js";
import { updatePathServer } from "../../registry/common/update-path/index.js";
import { memoryStore } from "../../registry/stores/memory.js";
import { isInterdomainItem } from "../../utils/interdomain/index.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../utils/matching/index.js";
import type { Registries, RegistryServerOptions } from "./options.js";

const DEFAULT_EXPIRATION_MS = 60_000;

/**
 * The chains of a domain's registry: what is registered here is kept in the stores, names of other domains go to
 * the registry's proxy. Order is upstream's (`chains/memory.NewServer`).
 */
export function registryServer(options: RegistryServerOptions): Registries {
  return { networkServices: networkServiceRegistry(options), endpoints: endpointRegistry(options) };
}

function networkServiceRegistry(options: RegistryServerOptions): RegistryElement<NetworkService> {
  const store = options.networkServiceStore ?? memoryStore(networkServiceKind, matchNetworkServices);
  return registryChain(
    "network-service-registry",
    grpcMetadataServer(),
    updatePathServer(options.tokens),
    ...serverSlots(options.authorizeServer).networkServices,
    metadataServer(),
    setPayloadServer(),
    switchCaseServer<NetworkService>(
      { condition: isInterdomainItem, element: networkServiceProxy(options) },
      { condition: () => true, element: memoryServer(store) },
    ),
  );
}

function endpointRegistry(options: RegistryServerOptions): RegistryElement<NetworkServiceEndpoint> {
  const store = options.endpointStore ?? memoryStore(endpointKind, matchNetworkServiceEndpoints);
  const { defaultExpirationMs = DEFAULT_EXPIRATION_MS } = options;
  return registryChain(
    "endpoint-registry",
    grpcMetadataServer(),
    updatePathServer(options.tokens),
    ...serverSlots(options.authorizeServer).endpoints,
    beginServer(endpointKind),
    metadataServer(),
    switchCaseServer<NetworkServiceEndpoint>(
      { condition: isInterdomainItem, element: endpointProxy(options) },
      {
        condition: () => true,
        element: registryChain(
          "local",
          setRegistrationTimeServer(),
          expireServer(options.ctx, { defaultExpirationMs }),
          memoryServer(store),
        ),
      },
    ),
  );
}

// the two proxy branches differ in the place of begin, as upstream's do

function networkServiceProxy(options: RegistryServerOptions): RegistryElement<NetworkService> {
  const { connector, proxyRegistryUrl, dialTimeoutMs = 300 } = options;
  return connectServer(
    registryChain<NetworkService>(
      "proxy-client",
      clientUrlClient(proxyRegistryUrl),
      beginClient(networkServiceKind),
      clientConnClient(),
      ...clientSlots(options.authorizeClient).networkServices,
      grpcMetadataClient(),
      dialClient(connector, { dialTimeoutMs }),
      connectClient(networkServiceKind),
    ),
  );
}

function endpointProxy(options: RegistryServerOptions): RegistryElement<NetworkServiceEndpoint> {
  const { connector, proxyRegistryUrl, dialTimeoutMs = 300 } = options;
  return connectServer(
    registryChain<NetworkServiceEndpoint>(
      "proxy-client",
      beginClient(endpointKind),
      clientUrlClient(proxyRegistryUrl),
      clientConnClient(),
      ...clientSlots(options.authorizeClient).endpoints,
      grpcMetadataClient(),
      dialClient(connector, { dialTimeoutMs }),
      connectClient(endpointKind),
    ),
  );
}
