// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import type { Connector, Context, RegistryElement, RegistryStore, TokenSource } from "@nsm/core";
import type { RegistryAuthorization } from "../../registry/common/authorize/index.js";

/** The two registries of a daemon. */
export interface Registries {
  readonly networkServices: RegistryElement<NetworkService>;
  readonly endpoints: RegistryElement<NetworkServiceEndpoint>;
}

/** What {@link registryServer} needs. */
export interface RegistryServerOptions {
  /** Lifetime of the chains: expiry timers end with it. */
  readonly ctx: Context;
  readonly tokens: TokenSource;
  readonly connector: Connector;
  /** Checks callers. Default: anybody may. */
  readonly authorizeServer?: RegistryAuthorization | undefined;
  /** Checks the answers of other domains' registries. Default: none. */
  readonly authorizeClient?: RegistryAuthorization | undefined;
  /** Where names of other domains (with an `@`) go. Default: such calls fail as UNAVAILABLE. */
  readonly proxyRegistryUrl?: URL | undefined;
  /** Longest life of an endpoint's registration between refreshes, milliseconds; default 60 000. */
  readonly defaultExpirationMs?: number;
  /** Milliseconds; default 300. */
  readonly dialTimeoutMs?: number;
  /** Default: in memory. */
  readonly networkServiceStore?: RegistryStore<NetworkService>;
  /** Default: in memory. */
  readonly endpointStore?: RegistryStore<NetworkServiceEndpoint>;
}
