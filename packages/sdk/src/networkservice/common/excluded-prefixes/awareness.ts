// SPDX-License-Identifier: Apache-2.0
import { CommonParameter, containsLabels, type NetworkServiceUrl, parameter } from "@nsm/api";
import type { Request } from "@nsm/core";

/**
 * How well a member of an awareness group describes a request: undefined = not at all, else the number of labels it
 * names and one more for an interface. An interface and labels that the member does not name may be anything.
 */
function closenessOf(
  member: NetworkServiceUrl,
  { connection, mechanismPreferences }: Request,
): number | undefined {
  const mechanism = connection.mechanism ?? mechanismPreferences[0];
  if (member.service !== connection.networkService || member.mechanism.type !== mechanism?.type)
    return undefined;
  const interfaceName = parameter(member.mechanism, CommonParameter.INTERFACE_NAME) ?? "";
  if (interfaceName !== "" && parameter(mechanism, CommonParameter.INTERFACE_NAME) !== interfaceName) {
    return undefined;
  }
  if (!containsLabels(connection.labels, member.labels)) return undefined;
  return Object.keys(member.labels).length + (interfaceName === "" ? 0 : 1);
}

/**
 * Index of the group that a request belongs to: the one with the member that describes it most closely, the first of
 * several; undefined when there is none.
 */
export function awarenessGroupOf(
  groups: readonly (readonly NetworkServiceUrl[])[],
  request: Request,
): number | undefined {
  let best: { readonly index: number; readonly closeness: number } | undefined;
  groups.forEach((members, index) => {
    for (const member of members) {
      const found = closenessOf(member, request);
      if (found !== undefined && found > (best?.closeness ?? -1)) best = { index, closeness: found };
    }
  });
  return best?.index;
}
