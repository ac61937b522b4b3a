// SPDX-License-Identifier: Apache-2.0
import { CommonParameter, parameter } from "@nsm/api";
import type { NetworkServiceElement, WatchedFile } from "@nsm/core";
import type { StringMap } from "../../../utils/string-map/index.js";
import { comesFromOutside, tunnelsOf } from "./tunnels.js";

const { SRC_IP, ORIG_SRC_IP } = CommonParameter;

/**
 * Replaces the source address of tunnels by the one under which it is known outside, unless the call came from outside
 * itself; the answer carries the inside address again and an empty `orig_src_ip`. Which of the two a call is, the last
 * mechanism with a source address says. Place in the client of an nsmgr-proxy. State: none.
 * Upstream: `swapip.NewClient`. Deviation: an address that the map does not have stays; upstream clears it.
 * @param addresses IP addresses, inside to outside; absent = nothing is translated
 */
export function swapIpClient(addresses: WatchedFile<StringMap>): NetworkServiceElement {
  return {
    name: "swap-ip-client",
    async request(ctx, request, next) {
      const map = addresses.current();
      let swapped = false;
      for (const mechanism of tunnelsOf(request)) {
        swapped = !comesFromOutside(mechanism);
        if (!swapped) continue;
        const inside = parameter(mechanism, SRC_IP) ?? "";
        mechanism.parameters[ORIG_SRC_IP] = inside;
        mechanism.parameters[SRC_IP] = map?.get(inside) ?? inside;
      }
      const connection = await next.request(ctx, request);
      const { mechanism } = connection;
      if (swapped && mechanism !== undefined && Object.hasOwn(mechanism.parameters, ORIG_SRC_IP)) {
        mechanism.parameters[SRC_IP] = parameter(mechanism, ORIG_SRC_IP) ?? "";
        mechanism.parameters[ORIG_SRC_IP] = "";
      }
      return connection;
    },
  };
}
