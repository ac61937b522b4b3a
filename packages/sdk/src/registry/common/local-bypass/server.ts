// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceEndpoint } from "@nsm/api";
import { Code, type RegistryElement, type RegistryResponse, StatusError } from "@nsm/core";

interface LocalEndpoint {
  readonly url: string;
  /** Name the registry answered with; differs for floating names. */
  readonly registeredName: string;
}

/**
 * Registers this node's endpoints under the manager's URL and turns that URL back into the endpoint's own on the
 * node itself. Hits that show the manager's URL for an endpoint it does not know are left-overs of a former run
 * and are dropped, deletions are not. Queries keep their URL: the manager's selects the endpoints of its node.
 * Unregister of an unknown name succeeds without next. Upstream: `localbypass`.
 * @param managerUrl public URL of this manager, as text
 * @throws INVALID_ARGUMENT ENDPOINT_URL on Register
 */
export function localBypassServer(managerUrl: string): RegistryElement<NetworkServiceEndpoint> {
  const endpoints = new Map<string, LocalEndpoint>();

  const remember = (name: string, url: string, registeredName: string): void => {
    endpoints.set(name, { url, registeredName });
    endpoints.set(registeredName, { url, registeredName });
  };

  const forget = (name: string): void => {
    const known = endpoints.get(name);
    endpoints.delete(name);
    if (known !== undefined) endpoints.delete(known.registeredName);
  };

  /** The hit as this node may see it; undefined for a left-over. */
  const local = (
    hit: RegistryResponse<NetworkServiceEndpoint>,
  ): RegistryResponse<NetworkServiceEndpoint> | undefined => {
    const known = endpoints.get(hit.item.name);
    if (known !== undefined) hit.item.url = known.url;
    return hit.item.url === managerUrl && !hit.deleted ? undefined : hit;
  };

  return {
    name: "local-bypass-server",
    async register(ctx, item, next) {
      const { name, url } = item;
      if (!URL.canParse(url)) {
        throw new StatusError(Code.INVALID_ARGUMENT, `cannot register NSE with passed URL: ${url}`, {
          reason: "ENDPOINT_URL",
        });
      }
      const before = endpoints.get(name);
      endpoints.set(name, { url, registeredName: before?.registeredName ?? name });
      item.url = managerUrl;
      try {
        const registered = await next.register(ctx, item);
        remember(name, url, registered.name);
        registered.url = url;
        return registered;
      } catch (error) {
        if (before === undefined) forget(name);
        throw error;
      }
    },
    async *find(ctx, query, next) {
      for await (const hit of next.find(ctx, query)) {
        const seen = local(hit);
        if (seen !== undefined) yield seen;
      }
    },
    async unregister(ctx, item, next) {
      if (!endpoints.has(item.name)) return;
      item.url = managerUrl;
      await next.unregister(ctx, item);
      forget(item.name);
    },
    statistics: () => ({ endpoints: endpoints.size }),
  };
}
