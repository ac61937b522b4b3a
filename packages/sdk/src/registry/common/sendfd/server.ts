// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl, type NetworkServiceEndpoint } from "@nsm/api";
import {
  type Context,
  canPassDescriptors,
  type Descriptors,
  type RegistryElement,
  sendDescriptor,
} from "@nsm/core";
import { socketPath } from "./socket-path.js";

/**
 * Sends the sockets of found endpoints with a `unix:` address beside each hit and announces them by `inode:` URL.
 * Transparent over TCP and for other addresses; a deletion, and a hit whose socket cannot be opened, go as they are. State: none.
 * Upstream: `sendfd.NewNetworkServiceEndpointRegistryServer`, where such a hit ends the stream.
 */
export function sendfdServer(descriptors: Descriptors): RegistryElement<NetworkServiceEndpoint> {
  const send = async (ctx: Context, item: NetworkServiceEndpoint): Promise<void> => {
    const path = socketPath(item.url);
    if (path === undefined) return;
    try {
      const fd = await descriptors.open(path);
      sendDescriptor(ctx, "caller", fd);
      item.url = formatInodeUrl(fd);
      fd.close();
    } catch (error) {
      ctx.log.info({ err: error, name: item.name }, "socket of a found endpoint cannot be opened");
    }
  };
  return {
    name: "sendfd-server",
    async *find(ctx, query, next) {
      if (!canPassDescriptors(ctx, "caller")) return yield* next.find(ctx, query);
      for await (const hit of next.find(ctx, query)) {
        if (!hit.deleted) await send(ctx, hit.item);
        yield hit;
      }
    },
  };
}
