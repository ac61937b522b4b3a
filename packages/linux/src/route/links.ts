// SPDX-License-Identifier: Apache-2.0

import { AF_INET, familyOf, flag, type NetlinkRequest, type NetlinkSocket } from "../netlink/index.js";
import type { Netns } from "../netns/index.js";
import { hasCode } from "../syscall/index.js";
import {
  bridgeData,
  decodeLink,
  type Link,
  linkFlag,
  linkMessage,
  type VxlanParameters,
  vethData,
  vxlanData,
} from "./link-codec.js";
import { type MessageName, routeRequest } from "./request.js";

const ADDR_GEN_MODE_NONE = 1; // IN6_ADDR_GEN_MODE_NONE of linux/if_link.h

/** What both ends of a veth pair and every other link have. */
export interface LinkProperties {
  /** 1 to 15 characters, no slash and no blank. */
  readonly name: string;
  /** Kernel default when absent (veth 1500). */
  readonly mtuBytes?: number;
  /** Random when absent; give one, since udev may change a random one later. */
  readonly macAddress?: string;
  /** Mark for finding the link again (IFLA_GROUP), 32 bits; it is there from the first moment on. Default: 0. */
  readonly group?: number;
}

/** A veth pair; the peer appears under its final name in its namespace at once. */
export interface VethSpec extends LinkProperties {
  readonly kind: "veth";
  /** The other end; without `netns` it is made beside this one. */
  readonly peer: LinkProperties & { readonly netns?: Netns };
}

/** A point-to-point VXLAN device without learning (RFC 7348). */
export interface VxlanSpec extends LinkProperties, VxlanParameters {
  readonly kind: "vxlan";
}

/** A bridge that neither learns multicast nor hands frames to iptables; no spanning tree. */
export interface BridgeSpec extends LinkProperties {
  readonly kind: "bridge";
}

/** Links that can be made. */
export type LinkSpec = VethSpec | VxlanSpec | BridgeSpec;

/** Changes of a link; what is absent stays. */
export interface LinkChanges {
  readonly up?: boolean;
  readonly mtuBytes?: number;
  readonly macAddress?: string;
  /** At most 255 characters; empty removes it. */
  readonly alias?: string;
  /** See {@link LinkProperties}. */
  readonly group?: number;
  /** New name. */
  readonly name?: string;
  /** Index of the bridge to join, 0 to leave. */
  readonly masterIndex?: number;
  /** Moves the link; its index there may differ. */
  readonly netns?: Netns;
  /** Only `none`: no IPv6 link-local address, thus no router solicitation and no duplicate detection. */
  readonly ipv6AddressGeneration?: "none";
}

/** Operations on links, in the namespace of the socket. */
export interface LinkOperations {
  /**
   * Makes a link, all of it or nothing. It is down and has no alias (IFLA_IFALIAS is ignored here by the kernel).
   * @throws LinuxError EEXIST when one of the names is taken, or for vxlan the VNI on that port; EINVAL, ENODEV
   */
  linkAdd(spec: LinkSpec): Promise<void>;
  /**
   * Changes a link in one message.
   * @param link index, or name
   * @throws LinuxError ENODEV; EADDRINUSE when a vxlan's UDP port is taken on going up
   */
  linkSet(link: number | string, changes: LinkChanges): Promise<void>;
  /**
   * Deletes a link; a veth's peer goes with it. Indexes are used again: check the alias first when in doubt.
   * @returns false when it was absent already
   */
  linkDelete(link: number | string): Promise<boolean>;
  /** Finds a link; undefined when absent. */
  linkGet(link: number | string): Promise<Link | undefined>;
  /** All links of the namespace. */
  links(): Promise<Link[]>;
}

/** Builds the link operations on a socket. */
export function linkOperations(socket: NetlinkSocket): LinkOperations {
  return {
    async linkAdd(spec) {
      socket.request(newLink(spec));
    },
    async linkSet(link, changes) {
      socket.request(changeLink(link, changes));
    },
    async linkDelete(link) {
      try {
        await socket.requestInBackground(named("RTM_DELLINK", link));
        return true;
      } catch (error) {
        if (hasCode(error, "ENODEV")) return false;
        throw error;
      }
    },
    async linkGet(link) {
      try {
        return socket.request(named("RTM_GETLINK", link), ({ payload }) => decodeLink(payload))[0];
      } catch (error) {
        if (hasCode(error, "ENODEV")) return undefined;
        throw error;
      }
    },
    async links() {
      return socket.dump(routeRequest("RTM_GETLINK", linkMessage.encode({})), ({ payload }) =>
        decodeLink(payload),
      );
    },
  };
}

function named(name: MessageName, link: number | string): NetlinkRequest {
  const payload =
    typeof link === "number" ? linkMessage.encode({ index: link }) : linkMessage.encode({}, { name: link });
  return routeRequest(name, payload, String(link));
}

function newLink(spec: LinkSpec): NetlinkRequest {
  const { name, mtuBytes, macAddress, group, kind } = spec;
  const info = { kind, data: kindData(spec) };
  const payload = linkMessage.encode({}, { name, mtuBytes, macAddress, group, info });
  return routeRequest("RTM_NEWLINK", payload, name, flag.CREATE | flag.EXCL);
}

function kindData(spec: LinkSpec): Uint8Array {
  switch (spec.kind) {
    case "veth": {
      const { name, mtuBytes, macAddress, group, netns } = spec.peer;
      return vethData.encode({
        peer: linkMessage.encode({}, { name, mtuBytes, macAddress, group, netnsFd: netns?.fd }),
      });
    }
    case "vxlan":
      return vxlanData.encode({
        vni: spec.vni,
        learning: 0,
        port: spec.port,
        ...byFamily(spec.remote, "remote4", "remote6"),
        ...byFamily(spec.local, "local4", "local6"),
      });
    case "bridge":
      return bridgeData.encode({
        stpState: 0,
        multicastSnooping: 0,
        callIptables: 0,
        callIp6tables: 0,
        callArptables: 0,
      });
  }
}

function byFamily<A extends string, B extends string>(
  ip: string | undefined,
  v4: A,
  v6: B,
): Partial<Record<A | B, string>> {
  if (ip === undefined) return {};
  return { [familyOf(ip) === AF_INET ? v4 : v6]: ip } as Partial<Record<A | B, string>>;
}

function changeLink(link: number | string, changes: LinkChanges): NetlinkRequest {
  const { up, mtuBytes, macAddress, alias, group, name, masterIndex, netns, ipv6AddressGeneration } = changes;
  const isIndex = typeof link === "number";
  // The kernel finds by IFNAME without an index and renames to IFNAME with one
  if (!isIndex && name !== undefined) throw new TypeError("renaming needs the index of the link");
  const header = {
    ...(isIndex && { index: link }),
    ...(up !== undefined && { flags: up ? linkFlag.UP : 0, change: linkFlag.UP }),
  };
  const values = {
    name: isIndex ? name : link,
    mtuBytes,
    macAddress,
    alias,
    group,
    master: masterIndex,
    netnsFd: netns?.fd,
    familySettings: ipv6AddressGeneration && { inet6: { addressGenerationMode: ADDR_GEN_MODE_NONE } },
  };
  return routeRequest("RTM_NEWLINK", linkMessage.encode(header, values), String(link));
}
