// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from "node:net";
import { type Mechanism, setVxlanParameters, vxlanParameters } from "@nsm/api";

/**
 * Bytes that VXLAN adds to a packet, by the family of the tunnel: outer IP header, UDP 8, VXLAN 8, inner Ethernet 14
 * and a VLAN tag of 4 (upstream's count, the same for both payloads).
 */
export const VXLAN_OVERHEAD_BYTES = { v4: 54, v6: 74 } as const;

/**
 * Largest MTU that fits through a VXLAN tunnel without outer fragments.
 * @param linkMtuBytes layer 3 MTU of the link that owns the tunnel address
 */
export function vxlanMtuBytes(tunnelIp: string, linkMtuBytes: number): number {
  return linkMtuBytes - (isIPv6(tunnelIp) ? VXLAN_OVERHEAD_BYTES.v6 : VXLAN_OVERHEAD_BYTES.v4);
}

/** The smaller of two MTUs, 0 meaning undecided. */
export function lowerMtuBytes(currentBytes: number, limitBytes: number): number {
  return currentBytes === 0 || currentBytes > limitBytes ? limitBytes : currentBytes;
}

/** Lowers the `MTU` parameter of a VXLAN mechanism to `limitBytes`; returns it, undefined for other mechanisms. */
export function limitMechanism(mechanism: Mechanism | undefined, limitBytes: number): number | undefined {
  const parameters = vxlanParameters(mechanism);
  if (mechanism === undefined || parameters === undefined) return undefined;
  const mtuBytes = lowerMtuBytes(parameters.mtuBytes, limitBytes);
  setVxlanParameters(mechanism, { mtuBytes });
  return mtuBytes;
}
