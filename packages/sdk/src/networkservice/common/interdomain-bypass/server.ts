// SPDX-License-Identifier: Apache-2.0
import type { Connection, Context, NetworkServiceElement } from "@nsm/core";
import { targetOf } from "../../../utils/interdomain/index.js";
import { clientUrl } from "../client-url/context.js";

/** Where endpoints are by name; the registry half of the nsmgr-proxy (`EndpointUrls`) learns it. */
export interface EndpointAddresses {
  /** URL text; undefined for an unknown name. */
  get(endpointName: string): string | undefined;
}

/**
 * Sends connections for endpoints that went through the registry half of this nsmgr-proxy straight to their address
 * (as `clientUrl`). For others it takes the domain off the names of endpoint and service, for what follows to find
 * them in its own domain, and puts the names back into the result. Place in an nsmgr-proxy before `discover`.
 * State: none. Upstream: `interdomainbypass.NewServer`. Deviation: an endpoint that was chosen behind for a request
 * without endpoint name stays in the result.
 */
export function interdomainBypassServer(addresses: EndpointAddresses): NetworkServiceElement {
  const towards = (ctx: Context, { networkServiceEndpointName }: Connection): Context | undefined => {
    const url = networkServiceEndpointName === "" ? undefined : addresses.get(networkServiceEndpointName);
    return url !== undefined && URL.canParse(url) ? ctx.with(clientUrl, new URL(url)) : undefined;
  };
  const strip = (connection: Connection): void => {
    connection.networkServiceEndpointName = targetOf(connection.networkServiceEndpointName);
    connection.networkService = targetOf(connection.networkService);
  };
  return {
    name: "interdomain-bypass-server",
    async request(ctx, request, next) {
      const direct = towards(ctx, request.connection);
      if (direct !== undefined) return await next.request(direct, request);
      const { networkService, networkServiceEndpointName } = request.connection;
      strip(request.connection);
      const connection = await next.request(ctx, request);
      connection.networkService = networkService;
      if (networkServiceEndpointName !== "")
        connection.networkServiceEndpointName = networkServiceEndpointName;
      return connection;
    },
    close(ctx, connection, next) {
      const direct = towards(ctx, connection);
      if (direct === undefined) strip(connection);
      return next.close(direct ?? ctx, connection);
    },
  };
}
