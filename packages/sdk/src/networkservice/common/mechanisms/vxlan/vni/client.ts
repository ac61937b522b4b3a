// SPDX-License-Identifier: Apache-2.0
import { MechanismType, setVxlanParameters, WellKnownPort } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";

/**
 * Tells the next hop where this end of a VXLAN tunnel is: sets source address and port of every VXLAN preference.
 * Place in a forwarder's client chain. State: none. Upstream: `mechanisms/vxlan/vni.NewClient`.
 * @param tunnelIp address text, IPv4 or IPv6
 * @param port UDP port, default 4789
 * @throws INVALID_ARGUMENT NSM_IP_ADDRESS, NSM_NUMBER_RANGE
 */
export function vniClient(tunnelIp: string, port: number = WellKnownPort.VXLAN): NetworkServiceElement {
  return {
    name: "vni-client",
    async request(ctx, request, next) {
      for (const preference of request.mechanismPreferences) {
        if (preference.type !== MechanismType.VXLAN) continue;
        setVxlanParameters(preference, { srcIp: tunnelIp, srcPort: port });
      }
      return next.request(ctx, request);
    },
  };
}
