// SPDX-License-Identifier: Apache-2.0
import { kernelParameters } from "@nsm/api";
import type { Connection, LinkSide, NetworkServiceElement } from "@nsm/core";
import { applyMac, wantedMac } from "../../connection-context/index.js";
import { withPod } from "../../pod/index.js";
import { afterNext } from "../after-next.js";
import { isNewSide } from "../mechanism-driver/index.js";

/**
 * Gives the requester's link the MAC address `src_mac` of the ethernet context, if it has one. Only for KERNEL links;
 * `vlan_tag` belongs to virtual functions and is not looked at. Place behind `connection-context-kernel`, so that
 * the address is there before the IP addresses. State: none. Upstream: sdk-kernel `ethernetcontext` (VF only).
 */
export function ethernetContextServer(): NetworkServiceElement {
  return element("server");
}

/** The same for the endpoint's link and `dst_mac`; upstream has no such element. */
export function ethernetContextClient(): NetworkServiceElement {
  return element("client");
}

function element(side: LinkSide): NetworkServiceElement {
  return {
    name: `ethernet-context-${side}`,
    request: (ctx, request, next) =>
      afterNext(ctx, request, next, isNewSide(ctx, side), (connection) => apply(side, connection)),
  };
}

async function apply(side: LinkSide, connection: Connection): Promise<void> {
  const kernel = kernelParameters(connection.mechanism);
  const macAddress = wantedMac(side, connection);
  if (kernel === undefined || macAddress === undefined) return;
  await withPod(connection.mechanism, (pod) => applyMac(pod, kernel.interfaceName, macAddress));
}
