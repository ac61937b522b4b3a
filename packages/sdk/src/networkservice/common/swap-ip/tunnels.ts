// SPDX-License-Identifier: Apache-2.0
import { CommonParameter, type Mechanism, parameter } from "@nsm/api";
import type { Request } from "@nsm/core";

/** The mechanisms of a request that name the address of a tunnel's source: preferences, then the chosen one. */
export function tunnelsOf({ connection, mechanismPreferences }: Request): Mechanism[] {
  return [
    ...mechanismPreferences,
    ...(connection.mechanism === undefined ? [] : [connection.mechanism]),
  ].filter((mechanism) => Object.hasOwn(mechanism.parameters, CommonParameter.SRC_IP));
}

/** True when a proxy of another cluster has put the outside address in: empty means unset. */
export const comesFromOutside = (mechanism: Mechanism): boolean =>
  (parameter(mechanism, CommonParameter.ORIG_SRC_IP) ?? "") !== "";
