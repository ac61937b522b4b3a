// SPDX-License-Identifier: Apache-2.0
import { CommonParameter, parameter } from "@nsm/api";
import type { NetworkServiceElement, WatchedFile } from "@nsm/core";
import type { StringMap } from "../../../utils/string-map/index.js";
import { comesFromOutside, tunnelsOf } from "./tunnels.js";

const { DST_IP, ORIG_DST_IP } = CommonParameter;

/**
 * For calls from outside (they carry `orig_src_ip`): clears the destination address of tunnels on the way in, and
 * on the way back replaces the one that the inside chose by that under which it is known outside, kept in
 * `orig_dst_ip`. Other calls pass as they are. Which of the two a call is, the last mechanism with a source address
 * says. Place in an nsmgr-proxy. State: none. Upstream: `swapip.NewServer`. Deviations: an address that the map does
 * not have stays; a call without any source address is not touched.
 * @param addresses IP addresses, inside to outside; absent = nothing is translated
 */
export function swapIpServer(addresses: WatchedFile<StringMap>): NetworkServiceElement {
  return {
    name: "swap-ip-server",
    async request(ctx, request, next) {
      let fromOutside = false;
      for (const mechanism of tunnelsOf(request)) {
        fromOutside = comesFromOutside(mechanism);
        if (!fromOutside) continue;
        mechanism.parameters[ORIG_DST_IP] = "";
        mechanism.parameters[DST_IP] = "";
      }
      const connection = await next.request(ctx, request);
      const { mechanism } = connection;
      if (fromOutside && mechanism !== undefined) {
        const inside = parameter(mechanism, DST_IP) ?? "";
        mechanism.parameters[ORIG_DST_IP] = inside;
        mechanism.parameters[DST_IP] = addresses.current()?.get(inside) ?? inside;
      }
      return connection;
    },
  };
}
