// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { messagesOf, openMulticastSocket } from "../netlink/index.js";
import type { Netns } from "../netns/index.js";
import { watchReadable } from "../process/readable.js";
import { hasCode, receive } from "../syscall/index.js";
import type { TimerFunctions } from "../timers.js";
import { decodeAddress, type LinkAddress } from "./addresses.js";
import { decodeLink, type Link } from "./link-codec.js";
import { messageType } from "./request.js";

const NETLINK_ROUTE = 0;
/** RTNLGRP_* of linux/rtnetlink.h. */
const group = { LINK: 1, IPV4_IFADDR: 5, IPV6_IFADDR: 9 } as const;

/** What happened to the links of a namespace. */
export type LinkEvent =
  /** Made or changed. */
  | { readonly type: "link"; readonly link: Link }
  /** Deleted, or moved into another namespace. A veth is deleted when the namespace of its peer dies. */
  | { readonly type: "link-removed"; readonly link: Link }
  | { readonly type: "address"; readonly address: LinkAddress }
  | { readonly type: "address-removed"; readonly address: LinkAddress }
  /** Events were lost: list again what matters. */
  | { readonly type: "overrun" };

/** What to watch, and how. */
export interface WatchOptions {
  readonly timers: TimerFunctions;
  /** Called in the order of the kernel's events. */
  readonly onEvent: (event: LinkEvent) => void;
  /** Namespace to watch, kept alive meanwhile; default: the own one. */
  readonly netns?: Netns;
  /** Links whose events are wanted, by index; those of others cost next to nothing. Default: all. */
  readonly wanted?: (linkIndex: number) => boolean;
  /** Report addresses too. Default: false. */
  readonly addresses?: boolean;
}

/** A running watch. */
export interface LinkWatch {
  /** Ends it; no event comes afterwards. */
  close(): void;
}

/**
 * Follows the links of a namespace (rtnetlink multicast groups) from now on; an event comes within about a
 * millisecond.
 * @throws LinuxError EPERM when the namespace cannot be entered
 */
export function watchLinks(options: WatchOptions): LinkWatch {
  const { timers, onEvent, netns, addresses = false, wanted = () => true } = options;
  const groups = addresses ? [group.LINK, group.IPV4_IFADDR, group.IPV6_IFADDR] : [group.LINK];
  const fd = openMulticastSocket(NETLINK_ROUTE, groups, netns);
  const buffer = Buffer.allocUnsafeSlow(65536);
  let open = true;
  const readAll = (): void => {
    for (
      let events = readEvents(fd, buffer, wanted);
      events !== undefined;
      events = readEvents(fd, buffer, wanted)
    ) {
      for (const event of events) {
        onEvent(event);
        if (!open) return;
      }
    }
  };
  const waiting = watchReadable(fd, timers, readAll);
  return {
    close() {
      if (!open) return;
      open = false;
      waiting.close();
      closeSync(fd);
    },
  };
}

/** Everything of one recv(2), decoded before anyone is called; undefined when nothing is there. */
function readEvents(
  fd: number,
  buffer: Buffer,
  wanted: (linkIndex: number) => boolean,
): LinkEvent[] | undefined {
  try {
    const length = receive(fd, buffer);
    if (length === undefined) return undefined;
    return Array.from(messagesOf(buffer.subarray(0, length))).flatMap(({ type, payload }) =>
      wanted(payload.readInt32LE(indexOffset)) ? (eventOf(type, payload) ?? []) : [],
    );
  } catch (error) {
    if (hasCode(error, "ENOBUFS")) return [{ type: "overrun" }];
    throw error;
  }
}

const AF_BRIDGE = 7;
/** Of the link's index, in struct ifinfomsg as in struct ifaddrmsg. */
const indexOffset = 4;

function eventOf(type: number, payload: Buffer): LinkEvent | undefined {
  switch (type) {
    case messageType.RTM_NEWLINK:
    case messageType.RTM_DELLINK:
      // A bridge reports the state of its ports in messages of its own family: a port that leaves is not deleted
      if (payload[0] === AF_BRIDGE) return undefined;
      return { type: type === messageType.RTM_NEWLINK ? "link" : "link-removed", link: decodeLink(payload) };
    case messageType.RTM_NEWADDR:
      return { type: "address", address: decodeAddress(payload) };
    case messageType.RTM_DELADDR:
      return { type: "address-removed", address: decodeAddress(payload) };
    default:
      return undefined;
  }
}
