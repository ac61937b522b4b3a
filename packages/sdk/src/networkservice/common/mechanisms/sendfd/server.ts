// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl } from "@nsm/api";
import { canPassDescriptors, type Descriptors, type NetworkServiceElement, sendDescriptor } from "@nsm/core";
import { filePath, inodeParameter, setInodeParameter } from "../inode-parameter.js";
import { callDescriptors } from "../recvfd/context.js";

/**
 * Sends the file that the returned mechanism names by `file:` URL beside the answer and announces it by `inode:` URL.
 * Transparent for callers over TCP, and for those that have left. Place after (that is, behind) what sets `inodeURL` in
 * the result. State: none.
 * Upstream: `mechanisms/sendfd.NewServer`. Deviations: a file that the caller itself sent with this call is only
 * announced; nothing is sent on Close, whose answer names no file.
 * @throws the system error of open(2), NOT_FOUND or PERMISSION_DENIED; the next hop is not closed
 */
export function sendfdServer(descriptors: Descriptors): NetworkServiceElement {
  return {
    name: "sendfd-server",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      const { mechanism } = connection;
      const url = mechanism === undefined ? undefined : inodeParameter(mechanism);
      const path = filePath(url);
      if (mechanism === undefined || url === undefined || path === undefined) return connection;
      // a caller that has left reads no answer that a descriptor could go with
      if (!canPassDescriptors(ctx, "caller") || ctx.signal.aborted) return connection;
      const received = ctx.get(callDescriptors);
      if (received?.senderOf(url) === "caller") {
        setInodeParameter(mechanism, received.inodeUrlOf(url));
        return connection;
      }
      const fd = await descriptors.open(path);
      try {
        sendDescriptor(ctx, "caller", fd);
        setInodeParameter(mechanism, formatInodeUrl(fd));
      } finally {
        fd.close();
      }
      return connection;
    },
  };
}
