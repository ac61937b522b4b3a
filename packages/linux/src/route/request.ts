// SPDX-License-Identifier: Apache-2.0
import type { NetlinkRequest, NetlinkSocket } from "../netlink/index.js";
import { hasCode } from "../syscall/index.js";

/** RTM_* of linux/rtnetlink.h. */
export const messageType = {
  RTM_NEWLINK: 16,
  RTM_DELLINK: 17,
  RTM_GETLINK: 18,
  RTM_NEWADDR: 20,
  RTM_DELADDR: 21,
  RTM_GETADDR: 22,
  RTM_NEWROUTE: 24,
  RTM_DELROUTE: 25,
  RTM_GETROUTE: 26,
  RTM_NEWNEIGH: 28,
  RTM_DELNEIGH: 29,
  RTM_GETNEIGH: 30,
  RTM_NEWRULE: 32,
  RTM_DELRULE: 33,
  RTM_GETRULE: 34,
  RTM_NEWQDISC: 36,
  RTM_DELQDISC: 37,
  RTM_GETQDISC: 38,
  RTM_NEWTFILTER: 44,
  RTM_DELTFILTER: 45,
  RTM_GETTFILTER: 46,
} as const;

/** Names of the rtnetlink messages. */
export type MessageName = keyof typeof messageType;

/**
 * A request of rtnetlink.
 * @param subject what it is about, for errors
 * @param flags NLM_F_* besides REQUEST and ACK
 */
export function routeRequest(
  name: MessageName,
  payload: Uint8Array,
  subject = "",
  flags = 0,
): NetlinkRequest {
  return { type: messageType[name], name, payload, flags, ...(subject !== "" && { subject }) };
}

/**
 * Sends a request for a state that may be there already.
 * @param codes errno names that mean so, for example ENODEV when deleting
 * @returns false when one of them came back
 * @throws LinuxError with any other code
 */
export function changes(socket: NetlinkSocket, request: NetlinkRequest, ...codes: string[]): boolean {
  try {
    socket.request(request);
    return true;
  } catch (error) {
    if (hasCode(error, ...codes)) return false;
    throw error;
  }
}
