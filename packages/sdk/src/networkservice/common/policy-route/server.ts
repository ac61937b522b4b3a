// SPDX-License-Identifier: Apache-2.0
import { clone, IPContext, type PolicyRoute } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";

/**
 * Gives connections the endpoint's routing policies instead of those they had. The `from` of every policy (a CIDR) is
 * an address of the client, in its list as long as the policy is there. Changes reach a client with its next refresh.
 * Place in an endpoint behind the IPAM. State: none. Upstream: `policyroute.NewServer`.
 * @param policies asked for every Request; numbers are text, as on the wire
 */
export function policyRouteServer(policies: () => readonly PolicyRoute[]): NetworkServiceElement {
  return {
    name: "policy-route-server",
    request(ctx, request, next) {
      const { context } = request.connection;
      context.ipContext ??= IPContext.create();
      const { ipContext } = context;
      const former = new Set(ipContext.policies.map(({ from }) => from));
      ipContext.policies = clone([...policies()]);
      const wanted = ipContext.policies.map(({ from }) => from).filter((from) => from !== "");
      const kept = ipContext.srcIpAddrs.filter((address) => !former.has(address));
      ipContext.srcIpAddrs = [...new Set([...kept, ...wanted])];
      return next.request(ctx, request);
    },
  };
}
