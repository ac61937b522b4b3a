// SPDX-License-Identifier: Apache-2.0
import {
  type NetworkService,
  type NetworkServiceEndpoint,
  newNetworkService,
  newNetworkServiceEndpoint,
} from "@nsm/api";
import { Code, type Context, findAll, type RegistryNext, StatusError } from "@nsm/core";

/** Where elements look services and endpoints up. */
export interface Registries {
  readonly networkServices: RegistryNext<NetworkService>;
  readonly endpoints: RegistryNext<NetworkServiceEndpoint>;
}

/**
 * The network service of exactly that name and payload (empty: any payload).
 * @throws NOT_FOUND NETWORK_SERVICE_NOT_FOUND
 */
export async function findNetworkService(
  ctx: Context,
  { networkServices }: Registries,
  name: string,
  payload: string,
): Promise<NetworkService> {
  const found = await findAll(networkServices, ctx, newNetworkService({ name, payload }));
  const exact = found.find((service) => service.name === name);
  if (exact !== undefined) return exact;
  throw new StatusError(Code.NOT_FOUND, `network service ${name} is not found`, {
    reason: "NETWORK_SERVICE_NOT_FOUND",
  });
}

/**
 * The endpoint of exactly that name.
 * @param url only an endpoint at this address; empty: at any
 * @throws NOT_FOUND ENDPOINT_NOT_FOUND
 */
export async function findEndpoint(
  ctx: Context,
  { endpoints }: Registries,
  name: string,
  url = "",
): Promise<NetworkServiceEndpoint> {
  const found = await findAll(endpoints, ctx, newNetworkServiceEndpoint({ name, url }));
  const exact = found.find((endpoint) => endpoint.name === name);
  if (exact !== undefined) return exact;
  throw new StatusError(Code.NOT_FOUND, `network service endpoint ${name} not found`, {
    reason: "ENDPOINT_NOT_FOUND",
  });
}

/**
 * Address of a registered endpoint; `host:port` without scheme is TCP.
 * @throws INVALID_ARGUMENT ENDPOINT_URL for text that is neither
 */
export function endpointUrl({ name, url }: NetworkServiceEndpoint): URL {
  for (const text of [url, `tcp://${url}`]) {
    if (url !== "" && URL.canParse(text)) return new URL(text);
  }
  throw new StatusError(Code.INVALID_ARGUMENT, `endpoint ${name} has no usable URL: ${JSON.stringify(url)}`, {
    reason: "ENDPOINT_URL",
  });
}
