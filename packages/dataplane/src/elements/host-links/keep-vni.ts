// SPDX-License-Identifier: Apache-2.0
import { setVxlanParameters, vxlanParameters } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";
import type { HostLinks } from "../../host-links/index.js";

/**
 * Gives a VXLAN connection that returns the VNI back which its device has, when both its forwarders were started again
 * and neither knows it: the tunnel goes on. Place before `vni`. State: none of its own. Upstream: none, a new VNI is
 * drawn.
 */
export function keepVniServer(links: HostLinks): NetworkServiceElement {
  return {
    name: "keep-vni-server",
    async request(ctx, request, next) {
      const { mechanism } = request.connection;
      const wanted = vxlanParameters(mechanism);
      const device = links.leftover("server", request.connection)?.vxlan;
      if (mechanism !== undefined && wanted?.vni === 0 && device !== undefined) {
        // A device whose peer listens on another port than ours shows no remote
        if ((device.remote ?? wanted.srcIp) === wanted.srcIp)
          setVxlanParameters(mechanism, { vni: device.vni });
      }
      return await next.request(ctx, request);
    },
  };
}
