// SPDX-License-Identifier: Apache-2.0
import { clone, DNSContext, IPContext } from "@nsm/api";
import type { NameServer, NetworkServiceElement } from "@nsm/core";

/**
 * Hands the name servers and search domains of established connections to the client's own name server, until their
 * Close. Place in a client. State: in `nameServer`, by connection id. Upstream: `dnscontext.NewClient`. Deviation:
 * `resolv.conf`, and the servers that it named before, are the business of whoever runs the name server.
 */
export function dnsContextClient(nameServer: NameServer): NetworkServiceElement {
  return {
    name: "dns-context-client",
    async request(ctx, request, next) {
      const { context } = request.connection;
      context.dnsContext ??= DNSContext.create();
      context.ipContext ??= IPContext.create();
      const connection = await next.request(ctx, request);
      nameServer.set(connection.id, clone(connection.context.dnsContext?.configs ?? []));
      return connection;
    },
    async close(ctx, connection, next) {
      nameServer.remove(connection.id);
      await next.close(ctx, connection);
    },
  };
}
