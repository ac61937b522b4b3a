// SPDX-License-Identifier: Apache-2.0
import {
  type Connector,
  type Context,
  type Policy,
  type RegistryElement,
  type RegistryKind,
  registryChain,
} from "@nsm/core";
import { authorizeClient } from "../../registry/common/authorize/index.js";
import { beginClient } from "../../registry/common/begin/index.js";
import { clientConnClient } from "../../registry/common/client-conn/index.js";
import { clientUrlClient } from "../../registry/common/client-url/index.js";
import { connectClient } from "../../registry/common/connect/index.js";
import { dialClient } from "../../registry/common/dial/index.js";
import { grpcMetadataClient } from "../../registry/common/grpc-metadata/index.js";
import { healClient } from "../../registry/common/heal/index.js";
import { metadataClient } from "../../registry/common/metadata/index.js";
import { type Expiring, refreshClient } from "../../registry/common/refresh/index.js";
import { type RetryOptions, retryClient } from "../../registry/common/retry/index.js";

/** What {@link registryClient} needs. */
export interface RegistryClientOptions<T extends Expiring> {
  /** Lifetime of the chain: refreshes, watches and repetitions end with it. */
  readonly ctx: Context;
  readonly connector: Connector;
  /** The registry, usually the manager's socket. Default: what the call's context holds as `clientUrl`. */
  readonly url?: URL | undefined;
  /** Milliseconds; default 300. */
  readonly dialTimeoutMs?: number;
  /** False: failures are not repeated. */
  readonly retry?: RetryOptions | false;
  /** False: ended watches stay ended and registrations are not watched. */
  readonly heal?: boolean;
  /** Checks the registry's answers: a policy, or an element. Default: none. */
  readonly authorizeClient?: Policy | RegistryElement<T> | undefined;
  /** Elements between `dial` and `connect`, for example `clientInfoClient`. */
  readonly additional?: readonly RegistryElement<T>[];
}

/**
 * The chain through which endpoints, forwarders and clients use a registry. Order is upstream's
 * (`chains/client.NewNetworkServiceRegistryClient` and `NewNetworkServiceEndpointRegistryClient`), which differs
 * between the kinds.
 */
export function registryClient<T extends Expiring>(
  kind: RegistryKind<T>,
  {
    ctx,
    connector,
    url,
    dialTimeoutMs = 300,
    retry = {},
    heal = true,
    authorizeClient: authorization,
    additional = [],
  }: RegistryClientOptions<T>,
): RegistryElement<T> {
  const retrying = retry === false ? [] : [retryClient(kind, ctx, retry)];
  const healing = heal ? [healClient(kind, ctx)] : [];
  const authorizing =
    authorization === undefined
      ? []
      : ["check" in authorization ? authorizeClient<T>(authorization) : authorization];
  const inner =
    kind.type === "NetworkService"
      ? [...authorizing, ...healing]
      : [...healing, refreshClient<T>(ctx), ...authorizing];
  return registryChain<T>(
    "registry-client",
    beginClient(kind),
    metadataClient(),
    ...retrying,
    ...inner,
    clientUrlClient(url),
    clientConnClient(),
    grpcMetadataClient(),
    dialClient(connector, { dialTimeoutMs }),
    ...additional,
    connectClient(kind),
  );
}
