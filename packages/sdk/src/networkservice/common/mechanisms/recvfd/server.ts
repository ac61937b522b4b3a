// SPDX-License-Identifier: Apache-2.0
import type { Mechanism } from "@nsm/api";
import {
  type Context,
  canPassDescriptors,
  internalEvent,
  type NetworkServiceElement,
  withTimeout,
} from "@nsm/core";
import { inodeParameter, setInodeParameter } from "../inode-parameter.js";
import { type CallDescriptors, type SocketHold, withCallDescriptors } from "./context.js";
import { fileUrls, receiveFor } from "./receive.js";

/**
 * A Close that the caller fires by itself announces a descriptor it does not have any more. One that is sent is there
 * before the message; healing must not wait for one that is not.
 */
const CLOSE_WAIT_MS = 100;

/** Events fired from inside have no caller that could send something. */
const callerSends = (ctx: Context): boolean =>
  ctx.get(internalEvent) === undefined && canPassDescriptors(ctx, "caller");

function toInodeUrl(mechanism: Mechanism | undefined, descriptors: CallDescriptors): void {
  if (mechanism === undefined) return;
  const url = inodeParameter(mechanism);
  const inodeUrl = url === undefined ? undefined : descriptors.inodeUrlOf(url);
  if (inodeUrl !== undefined) setInodeParameter(mechanism, inodeUrl);
}

/** Nothing behind may open a file that a neighbour named. */
function dropForeignFile(mechanism: Mechanism | undefined, descriptors: CallDescriptors): void {
  const [url] = fileUrls([mechanism]);
  if (mechanism === undefined || url === undefined || descriptors.inodeUrlOf(url) !== undefined) return;
  setInodeParameter(mechanism, undefined);
}

/**
 * Receives the descriptors that the caller announces in preferences and mechanism, so that what follows finds
 * `file:` URLs; the caller gets its `inode:` URL back. All descriptors of the call, those of `recvfd-client` included,
 * are closed when the call (or an element before that opened the call's table) returns. Transparent for callers over TCP and for events from inside. On Close a
 * descriptor that does not come within 100 ms is logged, and Close goes on with the `inode:` URL; a `file:` URL of the
 * caller, which a Request may not have, is taken out.
 * Place before whatever uses `inodeURL`. State: per connection the socket of its endpoint, where that came as a
 * descriptor; it is no handle of a namespace, and Close must reach it while the registry is away. Upstream: `mechanisms/recvfd.NewServer`.
 * Deviation: upstream keeps descriptors until the Close.
 * @throws FAILED_PRECONDITION DESCRIPTOR_NOT_RECEIVED; INVALID_ARGUMENT NSM_INODE_URL, FOREIGN_FILE (Request)
 */
export function recvfdServer(): NetworkServiceElement {
  const sockets = new Map<string, SocketHold>();
  const holdSocket = (id: string, hold: SocketHold | undefined): void => {
    if (hold === undefined) return;
    sockets.get(id)?.release();
    sockets.set(id, hold);
  };
  return {
    name: "recvfd-server",
    request: (ctx, request, next) =>
      withCallDescriptors(ctx, async (callCtx, descriptors) => {
        if (callerSends(ctx)) {
          const mechanisms = [...request.mechanismPreferences, request.connection.mechanism];
          await receiveFor(ctx, "caller", mechanisms, descriptors).catch((error: unknown) => {
            descriptors.callerFault = error;
            throw error;
          });
        }
        const connection = await next.request(callCtx, request);
        toInodeUrl(connection.mechanism, descriptors);
        holdSocket(connection.id, descriptors.takeSocket(connection.networkServiceEndpointName));
        return connection;
      }),
    close: (ctx, connection, next) =>
      withCallDescriptors(ctx, async (callCtx, descriptors) => {
        const waiting = withTimeout(ctx, CLOSE_WAIT_MS);
        try {
          if (callerSends(ctx)) await receiveFor(waiting.ctx, "caller", [connection.mechanism], descriptors);
        } catch (error) {
          ctx.log.info({ err: error, connId: connection.id }, "Close came without its descriptor");
          dropForeignFile(connection.mechanism, descriptors);
        } finally {
          waiting.cancel();
        }
        try {
          await next.close(callCtx, connection);
        } finally {
          sockets.get(connection.id)?.release();
          sockets.delete(connection.id);
        }
      }),
    statistics: () => ({ sockets: sockets.size }),
  };
}
