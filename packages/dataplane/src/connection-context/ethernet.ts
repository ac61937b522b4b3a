// SPDX-License-Identifier: Apache-2.0

import { Code, type Connection, type LinkSide, StatusError } from "@nsm/core";
import type { Pod } from "../pod/index.js";

/** Whether text is a MAC address as Linux writes it, any case. */
export function isMac(text: string): boolean {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text);
}

/**
 * MAC address that the connection wants of one pod's link; undefined when it does not care.
 * @throws INVALID_ARGUMENT MAC for text that is none
 */
export function wantedMac(side: LinkSide, { context }: Connection): string | undefined {
  const text = side === "server" ? context.ethernetContext?.srcMac : context.ethernetContext?.dstMac;
  if (text === undefined || text === "") return undefined;
  if (isMac(text)) return text.toLowerCase();
  throw new StatusError(Code.INVALID_ARGUMENT, `not a MAC address: ${JSON.stringify(text)}`, {
    reason: "MAC",
  });
}

/**
 * Sets the MAC address of a pod's link if it has another one, while the link is up (a veth takes that; upstream sets
 * it down meanwhile and loses routes).
 * @throws FAILED_PRECONDITION POD_LINK_MISSING
 */
export async function applyMac({ route }: Pod, interfaceName: string, macAddress: string): Promise<void> {
  const link = await route.linkGet(interfaceName);
  if (link === undefined) {
    throw new StatusError(Code.FAILED_PRECONDITION, `interface ${interfaceName} is not in the pod`, {
      reason: "POD_LINK_MISSING",
    });
  }
  if (link.macAddress !== macAddress) await route.linkSet(link.index, { macAddress });
}
