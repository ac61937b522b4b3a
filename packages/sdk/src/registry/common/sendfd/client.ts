// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl, type NetworkServiceEndpoint } from "@nsm/api";
import {
  type Context,
  canPassDescriptors,
  type Descriptors,
  outgoingCall,
  type RegistryElement,
  sendDescriptor,
} from "@nsm/core";
import { socketPath } from "./socket-path.js";

/**
 * Sends the socket of an endpoint with a `unix:` address beside Register and Unregister and announces it by
 * `inode:` URL, so that the manager reaches a socket it cannot see; the answer shows the own address again.
 * Transparent over TCP and for other addresses. An Unregister whose socket is gone already goes without it.
 * Place behind `dial`, last of what touches the address. State: none. Upstream: `sendfd.NewNetworkServiceEndpointRegistryClient`.
 * @throws the system error of open(2), NOT_FOUND or PERMISSION_DENIED (Register)
 */
export function sendfdClient(descriptors: Descriptors): RegistryElement<NetworkServiceEndpoint> {
  /** Runs `call` with the socket queued; the own descriptor is closed when it is over. */
  const sending = async <R>(
    ctx: Context,
    item: NetworkServiceEndpoint,
    path: string,
    call: (inodeUrl: string) => Promise<R>,
  ): Promise<R> => {
    const fd = await descriptors.open(path);
    const queue = ctx.get(outgoingCall)?.descriptors;
    sendDescriptor(ctx, "next", fd);
    const inodeUrl = formatInodeUrl(fd);
    item.url = inodeUrl;
    try {
      return await call(inodeUrl);
    } finally {
      const index = queue?.indexOf(fd) ?? -1;
      if (index >= 0) queue?.splice(index, 1);
      fd.close();
    }
  };
  const pathOf = (ctx: Context, { url }: NetworkServiceEndpoint): string | undefined =>
    canPassDescriptors(ctx, "next") ? socketPath(url) : undefined;
  return {
    name: "sendfd-client",
    async register(ctx, item, next) {
      const { url } = item;
      const path = pathOf(ctx, item);
      if (path === undefined) return await next.register(ctx, item);
      return await sending(ctx, item, path, async (inodeUrl) => {
        const registered = await next.register(ctx, item);
        if (registered.url === inodeUrl) registered.url = url;
        return registered;
      });
    },
    async unregister(ctx, item, next) {
      const path = pathOf(ctx, item);
      if (path === undefined) return await next.unregister(ctx, item);
      let called = false;
      const call = async (): Promise<void> => {
        called = true;
        await next.unregister(ctx, item);
      };
      try {
        await sending(ctx, item, path, call);
      } catch (error) {
        if (called) throw error;
        ctx.log.info({ err: error, name: item.name }, "Unregister goes without the socket");
        await call();
      }
    },
  };
}
