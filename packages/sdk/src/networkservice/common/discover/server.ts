// SPDX-License-Identifier: Apache-2.0
import { clone, type NetworkServiceEndpoint, newNetworkServiceEndpoint, timestampToMs } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  findAll,
  type NetworkServiceElement,
  StatusError,
} from "@nsm/core";
import { matchEndpoint } from "../../../utils/matching/index.js";
import { askOrFormer } from "../../utils/last-known.js";
import { loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import {
  endpointUrl,
  findEndpoint,
  findNetworkService,
  type Registries,
} from "../../utils/registry-lookup.js";
import { clientUrl } from "../client-url/context.js";
import { type Candidates, candidates } from "./context.js";

const notExpired =
  (nowMs: number) =>
  ({ expirationTime }: NetworkServiceEndpoint): boolean =>
    expirationTime === undefined || timestampToMs(expirationTime) > nowMs;

async function findCandidates(
  ctx: Context,
  registries: Registries,
  connection: Connection,
): Promise<Candidates> {
  const networkService = await findNetworkService(
    ctx,
    registries,
    connection.networkService,
    connection.payload,
  );
  const query = newNetworkServiceEndpoint({ networkServiceNames: [networkService.name] });
  const registered = await findAll(registries.endpoints, ctx, query);
  const alive = registered.filter(notExpired(ctx.clock.now()));
  const endpoints = matchEndpoint(connection.labels, networkService, ...alive);
  if (endpoints.length > 0) return { networkService, endpoints };
  throw new StatusError(Code.NOT_FOUND, "network service endpoint candidates not found", {
    reason: "NO_CANDIDATES",
  });
}

/**
 * Finds the next hop in the registries: by name when the request names an endpoint, which puts its `clientUrl` into
 * the context; else all endpoints of the network service that suit the client's labels, which puts `candidates`
 * into the context and the service's payload into the connection. Transparent when there is a URL already. A registry
 * that cannot be reached does not end what is established: the endpoint found last is asked. Close never fails here:
 * without a hit it goes on without URL.
 * Place after `metadata`, before `round-robin` and `connect`. State: the endpoint found last, in the metadata.
 * Upstream: `discover.NewServer`. Deviation: upstream fails refreshes while the registry is away.
 * @throws NOT_FOUND NETWORK_SERVICE_NOT_FOUND, ENDPOINT_NOT_FOUND, NO_CANDIDATES: there is no waiting, clients retry
 * @throws INVALID_ARGUMENT ENDPOINT_URL
 */
export function discoverServer(registries: Registries): NetworkServiceElement {
  const foundLast = metadataKey<NetworkServiceEndpoint>("server", "discover.endpoint");

  async function urlOf(ctx: Context, name: string): Promise<URL> {
    const known = loadMetadata(ctx, foundLast);
    const former = known?.name === name ? known : undefined;
    const endpoint = await askOrFormer(ctx, former, (askCtx) => findEndpoint(askCtx, registries, name));
    storeMetadata(ctx, foundLast, clone(endpoint));
    return endpointUrl(endpoint);
  }

  return {
    name: "discover-server",
    async request(ctx, request, next) {
      if (ctx.get(clientUrl) !== undefined) return next.request(ctx, request);
      const { connection } = request;
      const name = connection.networkServiceEndpointName;
      if (name !== "") {
        return next.request(ctx.with(clientUrl, await urlOf(ctx, name)), request);
      }
      const found = await findCandidates(ctx, registries, connection);
      connection.payload = found.networkService.payload;
      const established = await next.request(ctx.with(candidates, found), request);
      const chosen = found.endpoints.find(
        (endpoint) => endpoint.name === established.networkServiceEndpointName,
      );
      if (chosen !== undefined) storeMetadata(ctx, foundLast, clone(chosen));
      return established;
    },
    async close(ctx, connection, next) {
      const name = connection.networkServiceEndpointName;
      if (ctx.get(clientUrl) !== undefined || name === "") return next.close(ctx, connection);
      let nextCtx = ctx;
      try {
        nextCtx = ctx.with(clientUrl, await urlOf(ctx, name));
      } catch (error) {
        ctx.log.warn({ err: error, connId: connection.id }, "the endpoint to close at was not found");
      }
      await next.close(nextCtx, connection);
    },
  };
}
