// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceEndpoint } from "@nsm/api";
import type { RegistryElement, WatchedFile } from "@nsm/core";
import type { StringMap } from "../../../utils/string-map/index.js";

/** Scheme, host (IPv6 in brackets), port and the rest of an address that has a port. */
const HOST_PORT = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)?(\[[^\]]*\]|[^:/?#[\]@]+)(:[0-9]+)([/?#].*)?$/;

/** The address with its host translated; anything that is no `host:port`, or has another host, as it is. */
function swapHost(url: string, map: StringMap): string {
  const [, scheme = "", host = "", port = "", rest = ""] = HOST_PORT.exec(url) ?? [];
  const swapped = map.get(host.replace(/^\[|\]$/g, ""));
  if (swapped === undefined) return url;
  return `${scheme}${swapped.includes(":") ? `[${swapped}]` : swapped}${port}${rest}`;
}

/**
 * Translates the host of an endpoint's address in both directions: in what is registered, unregistered and asked
 * for, and in answers and hits. With a map that holds both ways the caller gets its own address back. State: none.
 * Upstream: `swapip`.
 * @param addresses IP addresses without brackets, internal to external; absent = nothing is translated
 */
export function swapIpServer(addresses: WatchedFile<StringMap>): RegistryElement<NetworkServiceEndpoint> {
  const swap = (item: NetworkServiceEndpoint): NetworkServiceEndpoint => {
    const map = addresses.current();
    if (map !== undefined) item.url = swapHost(item.url, map);
    return item;
  };
  return {
    name: "swap-ip-server",
    register: async (ctx, item, next) => swap(await next.register(ctx, swap(item))),
    async *find(ctx, query, next) {
      swap(query.item);
      for await (const hit of next.find(ctx, query)) {
        swap(hit.item);
        yield hit;
      }
    },
    unregister: (ctx, item, next) => next.unregister(ctx, swap(item)),
  };
}
