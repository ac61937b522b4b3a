// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceEndpoint } from "@nsm/api";
import type { RegistryElement } from "@nsm/core";
import type { EndpointUrls } from "./endpoint-urls.js";

/**
 * Shows endpoints that are registered and found through this nsmgr-proxy under the proxy's own address, and notes
 * where they really are. The caller of Register gets its own address back. State: `urls`, shared with the
 * NetworkService half. Upstream: `interdomainbypass`, which keeps the first address found for a name for ever and
 * knows a registered endpoint by its requested name only.
 * @param selfUrl public address of this nsmgr-proxy, as text
 */
export function interdomainBypassServer(
  selfUrl: string,
  urls: EndpointUrls,
): RegistryElement<NetworkServiceEndpoint> {
  return {
    name: "interdomain-bypass-server",
    async register(ctx, item, next) {
      const { name, url } = item;
      item.url = selfUrl;
      const registered = await next.register(ctx, item);
      urls.register(name, registered.name, url);
      registered.url = url;
      return registered;
    },
    async *find(ctx, query, next) {
      for await (const hit of next.find(ctx, query)) {
        const { item } = hit;
        if (hit.deleted) urls.lose(item.name);
        // own address: registered through a former run of this proxy, which the name does not lead to any more
        else if (item.url !== selfUrl) urls.find(item, ctx.clock.now());
        item.url = selfUrl;
        yield hit;
      }
    },
    async unregister(ctx, item, next) {
      urls.unregister(item.name);
      item.url = selfUrl;
      await next.unregister(ctx, item);
    },
    statistics: () => urls.statistics,
  };
}
