// SPDX-License-Identifier: Apache-2.0
import { defaultMasks } from "@nsm/policy";
import type { EndpointOptions } from "@nsm/sdk/chains/endpoint";
import {
  admitServer,
  ConnectionHolders,
  authorizeServer as connectionAuthorizeServer,
} from "@nsm/sdk/networkservice/common/authorize";
import { monitorAuthorize } from "@nsm/sdk/networkservice/common/monitor-authorize";
import { authorizeServer, type RegistryAuthorization } from "@nsm/sdk/registry/common/authorize";
import { proxiesOf } from "@nsm/sdk/utils/authorization";
import type { Ports } from "./ports.js";

/** The checks of a daemon that serves connections, as chains take them; none without identity. */
export type ConnectionChecks = Pick<EndpointOptions, "admit" | "authorize" | "authorizeMonitor">;

/** What callers and servers of registries must pass; masks as in `@nsm/policy`. Without identity nothing is checked. */
export interface RegistryPolicies {
  /** `NSM_REGISTRY_SERVER_POLICIES`: asked for each Register and Unregister of a caller. Default: upstream's. */
  readonly registryServerPolicies?: readonly string[];
  /** `NSM_REGISTRY_CLIENT_POLICIES`: asked for each answer of another registry. Default: upstream's. */
  readonly registryClientPolicies?: readonly string[];
  /**
   * `NSM_TRUSTED_PROXIES`: SPIFFE IDs of who may pass on what others started, a star for any characters but a slash.
   * Default: anybody.
   */
  readonly trustedProxies?: readonly string[];
}

/** What callers of connections must pass; masks as in `@nsm/policy`. Without identity nothing is checked. */
export interface ConnectionPolicies extends Pick<RegistryPolicies, "trustedProxies"> {
  /** `NSM_NETWORK_SERVICE_POLICIES`: asked for each Request and Close. */
  readonly networkServicePolicies?: readonly string[];
  /** `NSM_MONITOR_POLICIES`: asked before connection events are shown. Default: nobody is refused, as upstream. */
  readonly monitorPolicies?: readonly string[];
}

/** Policies that let everybody pass. */
export const NO_POLICIES: readonly string[] = ["none"];

/**
 * The checks of a daemon's registries, for the options of its chains.
 * @throws INVALID_ARGUMENT for masks and IDs that say nothing
 */
export function registryAuthorization(
  { registryServerPolicies, registryClientPolicies, trustedProxies = [] }: RegistryPolicies,
  { policies }: Ports,
): { authorizeServer?: RegistryAuthorization; authorizeClient?: RegistryAuthorization } {
  const options = optionsOf(trustedProxies);
  if (policies === undefined) return {};
  const server = policies(registryServerPolicies ?? defaultMasks.registryServer);
  return {
    authorizeServer: {
      networkServices: authorizeServer(server, options),
      endpoints: authorizeServer(server, options),
    },
    authorizeClient: policies(registryClientPolicies ?? defaultMasks.registryClient),
  };
}

/**
 * The checks of a daemon that serves connections, for the options of its chain. They share who holds which connection:
 * nobody else may touch it, and where everybody may follow all connections, the tokens of other peers' are left out.
 * @param defaults masks where the settings name none
 * @throws INVALID_ARGUMENT for masks and IDs that say nothing
 */
export function connectionAuthorization(
  { networkServicePolicies, monitorPolicies = NO_POLICIES, trustedProxies = [] }: ConnectionPolicies,
  { policies }: Ports,
  defaults: readonly string[] = defaultMasks.networkServiceServer,
): ConnectionChecks {
  const options = optionsOf(trustedProxies);
  if (policies === undefined) return {};
  const holders = new ConnectionHolders();
  const policy = policies(monitorPolicies);
  return {
    admit: admitServer({ ...options, holders }),
    authorize: connectionAuthorizeServer(policies(networkServicePolicies ?? defaults), {
      ...options,
      holders,
    }),
    authorizeMonitor: (inner) => monitorAuthorize(inner, { policy, holders }),
  };
}

function optionsOf(trustedProxies: readonly string[]): { proxies?: (spiffeId: string) => boolean } {
  const proxies = proxiesOf(trustedProxies);
  return proxies === undefined ? {} : { proxies };
}
