// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import type { Policy, RegistryElement, RegistryItem } from "@nsm/core";
import { authorizeClient } from "./client.js";
import { authorizeServer } from "./server.js";

/** How the two registries of a daemon are checked: both by one policy, or each by an element of its own. */
export type RegistryAuthorization =
  | Policy
  | {
      readonly networkServices: RegistryElement<NetworkService>;
      readonly endpoints: RegistryElement<NetworkServiceEndpoint>;
    };

/** The elements that stand in a chain's place for authorize: one each, or none. */
export interface AuthorizationSlots {
  readonly networkServices: readonly RegistryElement<NetworkService>[];
  readonly endpoints: readonly RegistryElement<NetworkServiceEndpoint>[];
}

/** Elements of the servers' places; each kind keeps its own names. */
export function serverSlots(authorization: RegistryAuthorization | undefined): AuthorizationSlots {
  return slots(authorization, (policy) => authorizeServer(policy));
}

/** Elements of the clients' places; each kind keeps its own names. */
export function clientSlots(authorization: RegistryAuthorization | undefined): AuthorizationSlots {
  return slots(authorization, (policy) => authorizeClient(policy));
}

function slots(
  authorization: RegistryAuthorization | undefined,
  make: <T extends RegistryItem>(policy: Policy) => RegistryElement<T>,
): AuthorizationSlots {
  if (authorization === undefined) return { networkServices: [], endpoints: [] };
  if (!("check" in authorization)) {
    return { networkServices: [authorization.networkServices], endpoints: [authorization.endpoints] };
  }
  return { networkServices: [make(authorization)], endpoints: [make(authorization)] };
}
