// SPDX-License-Identifier: Apache-2.0
import { type ConnectionContext, clone, equal } from "@nsm/api";
import type { Connection } from "@nsm/core";

type Extra = ConnectionContext["extraContext"];

/**
 * What a repeated Request of a client sends: the connection as it is now, with the caller's changes to what begin
 * returned to it before. Only endpoint name and context can be changed; mechanism, labels, path, network service,
 * payload and state of the caller are ignored. Deviation from upstream: keys that the caller adds to the extra
 * context are taken too.
 * @param returned what the caller got last
 * @param requested what the caller asks for
 * @param current the last result, internal events included
 */
export function mergeConnection(
  returned: Connection | undefined,
  requested: Connection,
  current: Connection | undefined,
): Connection {
  if (returned === undefined || current === undefined) return requested;
  const merged = clone(current);
  if (requested.networkServiceEndpointName !== returned.networkServiceEndpointName) {
    merged.networkServiceEndpointName = requested.networkServiceEndpointName;
  }
  if (!equal(returned.context, requested.context)) {
    const wanted = clone(requested.context);
    merged.context.ipContext = wanted.ipContext;
    merged.context.ethernetContext = wanted.ethernetContext;
    merged.context.dnsContext = wanted.dnsContext;
    merged.context.MTU = wanted.MTU;
    mergeExtra(returned.context.extraContext, wanted.extraContext, merged.context.extraContext);
  }
  return merged;
}

function mergeExtra(returned: Extra, requested: Extra, merged: Extra): void {
  for (const key of Object.keys(returned)) {
    if (!Object.hasOwn(requested, key)) delete merged[key];
  }
  for (const [key, value] of Object.entries(requested)) {
    if (!Object.hasOwn(returned, key) || returned[key] !== value) merged[key] = value;
  }
}
