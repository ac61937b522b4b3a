// SPDX-License-Identifier: Apache-2.0
import { isInodeUrl, type NetworkServiceEndpoint, parseInodeUrl, timestampToMs } from "@nsm/api";
import {
  type Context,
  canPassDescriptors,
  type Fd,
  onAbort,
  type RegistryElement,
  receiveDescriptor,
  type Timer,
} from "@nsm/core";
import { callDescriptors } from "../../../networkservice/common/mechanisms/recvfd/context.js";
import { ReceivedSockets, socketUrl } from "./received-sockets.js";
import { SharedSockets } from "./shared-sockets.js";

/**
 * Receives the sockets that found endpoints announce by `inode:` URL, so that the caller gets addresses it can
 * dial. Within a Request or Close whose chain has a `recvfd-server` they are held until that call returns, or until
 * the Close of a connection to that endpoint; elsewhere under the endpoint's name until it is found deleted, expires or is unregistered. A hit
 * whose socket does not come is left out. Transparent over TCP and for other addresses. Place behind `dial`, before
 * `connect`. State: descriptors by name, in memory. Upstream: `recvfd.NewNetworkServiceEndpointRegistryClient`, which
 * never closes them.
 * @param lifetime the chain's context: its end closes all
 */
export function recvfdClient(lifetime: Context): RegistryElement<NetworkServiceEndpoint> {
  const sockets = new ReceivedSockets();
  const shared = new SharedSockets();
  const expiries = new Map<string, Timer>();

  const drop = (name: string): void => {
    expiries.get(name)?.cancel();
    expiries.delete(name);
    sockets.drop(name);
  };

  const dropAtExpiry = ({ name, expirationTime }: NetworkServiceEndpoint): void => {
    expiries.get(name)?.cancel();
    expiries.delete(name);
    if (expirationTime === undefined) return;
    const restMs = timestampToMs(expirationTime) - lifetime.clock.now();
    expiries.set(
      name,
      lifetime.clock.setTimeout(() => drop(name), restMs, true),
    );
  };

  const keepByName = (item: NetworkServiceEndpoint, fd: Fd): Fd => {
    const kept = sockets.keep(item.name, fd);
    dropAtExpiry(item);
    if (lifetime.signal.aborted) drop(item.name);
    return kept;
  };

  /** @returns false for a hit that nobody can dial */
  const receive = async (ctx: Context, item: NetworkServiceEndpoint): Promise<boolean> => {
    if (!isInodeUrl(item.url)) return true;
    try {
      const fd = await receiveDescriptor(ctx, "next", parseInodeUrl(item.url));
      const ofCall = ctx.get(callDescriptors);
      if (ofCall === undefined) item.url = socketUrl(keepByName(item, fd));
      else {
        const hold = shared.hold(item.name, fd);
        ofCall.addSocket(item.name, hold);
        item.url = socketUrl(hold.fd);
      }
      return true;
    } catch (error) {
      ctx.log.warn({ err: error, name: item.name }, "found endpoint came without its socket");
      return false;
    }
  };

  onAbort(lifetime.signal, () => {
    for (const timer of expiries.values()) timer.cancel();
    expiries.clear();
    sockets.dropAll();
    shared.closeAll();
  });

  return {
    name: "recvfd-client",
    async *find(ctx, query, next) {
      if (!canPassDescriptors(ctx, "next")) return yield* next.find(ctx, query);
      for await (const hit of next.find(ctx, query)) {
        if (hit.deleted) drop(hit.item.name);
        else if (!(await receive(ctx, hit.item))) continue;
        yield hit;
      }
    },
    async unregister(ctx, item, next) {
      try {
        await next.unregister(ctx, item);
      } finally {
        drop(item.name);
      }
    },
    statistics: () => ({ sockets: sockets.size + shared.size, timers: expiries.size }),
  };
}
