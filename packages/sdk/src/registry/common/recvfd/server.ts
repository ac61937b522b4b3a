// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl, isInodeUrl, type NetworkServiceEndpoint, parseInodeUrl } from "@nsm/api";
import {
  Code,
  type Context,
  canPassDescriptors,
  type Fd,
  internalEvent,
  onAbort,
  type RegistryElement,
  receiveDescriptor,
  StatusError,
  withTimeout,
} from "@nsm/core";
import { ReceivedSockets, socketUrl } from "./received-sockets.js";

/** What is sent beside a message is there before it; who only announces it must not hold an Unregister up. */
const UNREGISTER_WAIT_MS = 100;

/** Exceptions of {@link recvfdServer}. */
export interface RecvfdServerOptions {
  /** Endpoints of this network service keep their socket when a Register fails; default `forwarder`. */
  readonly forwarderService?: string;
}

/**
 * Receives the sockets that endpoints announce by `inode:` URL, so that what follows finds an address it can dial;
 * the caller gets its `inode:` URL back. A socket is held under the endpoint's name until Unregister, and its address stays
 * the same over refreshes; a failed first Register closes it, but for forwarders. One that comes with an Unregister is
 * closed at once. Transparent over TCP and for other
 * addresses. Place behind `begin`. State: descriptors by name, in memory. Upstream:
 * `recvfd.NewNetworkServiceEndpointRegistryServer`, which closes them on failed refreshes too.
 * @param lifetime the chain's context: its end closes all
 * @throws FAILED_PRECONDITION DESCRIPTOR_NOT_RECEIVED; INVALID_ARGUMENT NSM_INODE_URL (Register), INVALID_ENDPOINT
 * `invalid endpoint specified` for an Unregister without name
 */
export function recvfdServer(
  lifetime: Context,
  { forwarderService = "forwarder" }: RecvfdServerOptions = {},
): RegistryElement<NetworkServiceEndpoint> {
  const sockets = new ReceivedSockets();
  onAbort(lifetime.signal, () => sockets.dropAll());

  /** The announced socket: the one just sent; for events from inside the one held. */
  const receive = async (ctx: Context, { name, url }: NetworkServiceEndpoint): Promise<Fd> => {
    const ref = parseInodeUrl(url);
    const held = sockets.ofFile(name, ref);
    if (held !== undefined && ctx.get(internalEvent) !== undefined) return held;
    try {
      return await receiveDescriptor(ctx, "caller", ref);
    } catch (error) {
      if (held === undefined) throw error;
      return held;
    }
  };

  /** Nobody else would take it, and it would stay until the connection's bounds are reached. */
  const dropSent = async (ctx: Context, { name, url }: NetworkServiceEndpoint): Promise<void> => {
    const isSent = ctx.get(internalEvent) === undefined && canPassDescriptors(ctx, "caller");
    if (!isSent || !isInodeUrl(url)) return;
    const waiting = withTimeout(ctx, UNREGISTER_WAIT_MS);
    try {
      (await receiveDescriptor(waiting.ctx, "caller", parseInodeUrl(url))).close();
    } catch (error) {
      ctx.log.debug({ err: error, name }, "Unregister came without its descriptor");
    } finally {
      waiting.cancel();
    }
  };

  const announces = (ctx: Context, item: NetworkServiceEndpoint): boolean =>
    isInodeUrl(item.url) && (canPassDescriptors(ctx, "caller") || sockets.get(item.name) !== undefined);

  return {
    name: "recvfd-server",
    async register(ctx, item, next) {
      if (!announces(ctx, item)) return await next.register(ctx, item);
      const { name } = item;
      const former = sockets.get(name);
      const fd = await receive(ctx, item);
      const again = former !== undefined && sockets.ofFile(name, fd) !== undefined;
      const used = again || former === undefined ? sockets.keep(name, fd) : fd;
      const inodeUrl = formatInodeUrl(used);
      item.url = socketUrl(used);
      const isForwarder = item.networkServiceNames.includes(forwarderService);
      try {
        const registered = await next.register(ctx, item);
        sockets.keep(name, used);
        if (registered.url === socketUrl(used)) registered.url = inodeUrl;
        return registered;
      } catch (error) {
        if (former === undefined) {
          if (!isForwarder) sockets.drop(name);
        } else if (!again) used.close();
        throw error;
      }
    },
    async unregister(ctx, item, next) {
      const { name } = item;
      if (name === "") {
        throw new StatusError(Code.INVALID_ARGUMENT, "invalid endpoint specified", {
          reason: "INVALID_ENDPOINT",
        });
      }
      await dropSent(ctx, item);
      const held = sockets.get(name);
      if (held !== undefined && isInodeUrl(item.url)) item.url = socketUrl(held);
      try {
        await next.unregister(ctx, item);
      } finally {
        sockets.drop(name);
      }
    },
    statistics: () => ({ sockets: sockets.size }),
  };
}
