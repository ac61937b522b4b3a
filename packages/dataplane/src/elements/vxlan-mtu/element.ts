// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { limitMechanism, lowerMtuBytes } from "./rules.js";

/**
 * Tells the peer how much fits through the own end of the tunnel: lowers the parameter `MTU` of the connection's
 * VXLAN mechanism and of every VXLAN preference. State: none. Upstream: sdk-vpp `mechanisms/vxlan/mtu` client.
 * @param mtuBytes own tunnel MTU, see `vxlanMtuBytes`
 */
export function vxlanMtuClient(mtuBytes: number): NetworkServiceElement {
  return {
    name: "vxlan-mtu-client",
    request(ctx, request, next) {
      limitMechanism(request.connection.mechanism, mtuBytes);
      for (const preference of request.mechanismPreferences) limitMechanism(preference, mtuBytes);
      return next.request(ctx, request);
    },
  };
}

/**
 * Lowers the mechanism's `MTU` to the own end's, then the connection's to that, before the endpoint sees it.
 * State: none. Upstream: sdk-vpp `mechanisms/vxlan/mtu` server.
 * @param mtuBytes own tunnel MTU, see `vxlanMtuBytes`
 */
export function vxlanMtuServer(mtuBytes: number): NetworkServiceElement {
  return {
    name: "vxlan-mtu-server",
    request(ctx, request, next) {
      const { context, mechanism } = request.connection;
      const limitBytes = limitMechanism(mechanism, mtuBytes);
      if (limitBytes !== undefined) context.MTU = lowerMtuBytes(context.MTU, limitBytes);
      return next.request(ctx, request);
    },
  };
}
