// SPDX-License-Identifier: Apache-2.0
import { MechanismType } from "@nsm/api";
import type { LinkSide, NetworkServiceElement } from "@nsm/core";
import { kernelPods, type PodContexts, wantedMac } from "../../connection-context/index.js";
import { afterNext } from "../after-next.js";
import { isNewSide } from "../mechanism-driver/index.js";

/**
 * Gives the requester's link the MAC address `src_mac` of the ethernet context, if it has one. Only for KERNEL links;
 * `vlan_tag` belongs to virtual functions and is not looked at. Place behind `connection-context-kernel`, so that
 * the address is there before the IP addresses. State: none. Upstream: sdk-kernel `ethernetcontext` (VF only).
 */
export function ethernetContextServer(pods: PodContexts = kernelPods): NetworkServiceElement {
  return element("server", pods);
}

/**
 * Gives the endpoint's link the MAC address `dst_mac` of the ethernet context, if it has one. Only for KERNEL links.
 * State: none. Upstream: none.
 */
export function ethernetContextClient(pods: PodContexts = kernelPods): NetworkServiceElement {
  return element("client", pods);
}

function element(side: LinkSide, pods: PodContexts): NetworkServiceElement {
  return {
    name: `ethernet-context-${side}`,
    request: (ctx, request, next) =>
      afterNext(ctx, request, next, isNewSide(ctx, side), async (connection) => {
        const macAddress = wantedMac(side, connection);
        if (connection.mechanism?.type !== MechanismType.KERNEL || macAddress === undefined) return;
        await pods.setMac(connection, macAddress);
      }),
  };
}
