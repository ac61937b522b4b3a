// SPDX-License-Identifier: Apache-2.0
import { clone, type DNSConfig, DNSContext } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";

/** The same servers and domains, each as often, in whatever order. */
function sameConfig(a: DNSConfig, b: DNSConfig): boolean {
  const key = ({ dnsServerIps, searchDomains }: DNSConfig): string =>
    JSON.stringify([[...dnsServerIps].sort(), [...searchDomains].sort()]);
  return key(a) === key(b);
}

/**
 * Gives clients these name servers and search domains, behind those that a connection has; one that is there already,
 * in whatever order, is not added again. Place in an endpoint. State: none. Upstream: `dnscontext.NewServer`.
 */
export function dnsContextServer(configs: readonly DNSConfig[]): NetworkServiceElement {
  return {
    name: "dns-context-server",
    request(ctx, request, next) {
      const { context } = request.connection;
      context.dnsContext ??= DNSContext.create();
      const present = context.dnsContext.configs;
      for (const config of configs) {
        if (!present.some((other) => sameConfig(other, config))) present.push(clone(config));
      }
      return next.request(ctx, request);
    },
  };
}
