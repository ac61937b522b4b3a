// SPDX-License-Identifier: Apache-2.0
import type { LinkSide, NetworkServiceElement } from "@nsm/core";

/** MTU of connections that nobody has limited yet, bytes. */
export const DEFAULT_MTU_BYTES = 9000;

/**
 * Gives a connection without MTU the default of 9000 bytes; tunnels lower it further on. The drivers and
 * `connection-context-kernel` set it on the links. State: none. Upstream: sdk-vpp `mtu`.
 */
export function mtuServer(): NetworkServiceElement {
  return element("server");
}

/** Gives a connection without MTU the default, as {@link mtuServer} does. State: none. Upstream: sdk-vpp `mtu`. */
export function mtuClient(): NetworkServiceElement {
  return element("client");
}

function element(side: LinkSide): NetworkServiceElement {
  return {
    name: `mtu-${side}`,
    request(ctx, request, next) {
      const { context } = request.connection;
      if (context.MTU === 0) context.MTU = DEFAULT_MTU_BYTES;
      return next.request(ctx, request);
    },
  };
}
