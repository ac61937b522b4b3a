// SPDX-License-Identifier: Apache-2.0
import {
  AF_INET,
  AF_INET6,
  be16,
  familyOf,
  flag,
  type IpFamily,
  ip,
  mac,
  messageCodec,
  type NetlinkRequest,
  type NetlinkSocket,
  s32,
  struct,
  u8,
  u16,
} from "../netlink/index.js";
import { present } from "./link-codec.js";
import { changes, type MessageName, routeRequest } from "./request.js";

const AF_BRIDGE = 7;
const NTF_SELF = 0x02;

/** NUD_* of linux/neighbour.h. */
export const neighbourState = { REACHABLE: 0x02, STALE: 0x04, NOARP: 0x40, PERMANENT: 0x80 } as const;

/** struct ndmsg and NDA_* of linux/neighbour.h. */
const neighbourMessage = messageCodec(
  struct({ family: u8, pad1: u8, pad2: u16, index: s32, state: u16, flags: u8, type: u8 }),
  { ip: [1, ip], macAddress: [2, mac], port: [6, be16] },
);

/** An entry of the neighbour table (ARP, neighbour discovery). */
export interface Neighbour {
  readonly linkIndex: number;
  readonly ip: string;
  /** Absent while unresolved. */
  readonly macAddress?: string;
  /** NUD_* bits. */
  readonly state: number;
}

/** An entry of a vxlan device's forwarding database. */
export interface ForwardingEntry {
  readonly macAddress: string;
  /** Remote tunnel address. */
  readonly remote: string;
  /** Remote UDP port when it differs from the device's. */
  readonly port?: number;
}

/** Where frames to unknown addresses go. */
export type DefaultDestination = Pick<ForwardingEntry, "remote" | "port">;

/** Operations on neighbour and forwarding entries. */
export interface NeighbourOperations {
  /**
   * Adds or replaces a neighbour.
   * @param state `permanent` never ages, `reachable` is forgotten like a learned one
   * @throws LinuxError ENODEV, EINVAL for a malformed address
   */
  neighbourReplace(
    linkIndex: number,
    ip: string,
    macAddress: string,
    state: "permanent" | "reachable",
  ): Promise<void>;
  /** @returns false when it was absent already */
  neighbourDelete(linkIndex: number, ip: string): Promise<boolean>;
  /** Neighbours of both families, of one link or of all; without multicast entries (NOARP). */
  neighbours(linkIndex?: number): Promise<Neighbour[]>;
  /**
   * Adds a default destination (MAC all zero) to a vxlan device, with an own port if the remote's differs. The
   * kernel cannot replace such an entry: delete the former one. One that is there already is success.
   * @throws LinuxError ENODEV
   */
  forwardingDefaultAdd(vxlanIndex: number, destination: DefaultDestination): Promise<void>;
  /** @returns false when it was absent already */
  forwardingDefaultDelete(vxlanIndex: number, destination: DefaultDestination): Promise<boolean>;
  /** Forwarding entries of a vxlan device. */
  forwardingEntries(vxlanIndex: number): Promise<ForwardingEntry[]>;
}

const defaultMac = "00:00:00:00:00:00";

/** Builds the neighbour operations on a socket. */
export function neighbourOperations(socket: NetlinkSocket): NeighbourOperations {
  return {
    async neighbourReplace(linkIndex, ip, macAddress, state) {
      const value = state === "permanent" ? neighbourState.PERMANENT : neighbourState.REACHABLE;
      const payload = neighbourMessage.encode(
        { family: familyOf(ip), index: linkIndex, state: value },
        { ip, macAddress },
      );
      socket.request(routeRequest("RTM_NEWNEIGH", payload, ip, flag.CREATE | flag.REPLACE));
    },
    async neighbourDelete(linkIndex, ip) {
      const payload = neighbourMessage.encode({ family: familyOf(ip), index: linkIndex }, { ip });
      return changes(socket, routeRequest("RTM_DELNEIGH", payload, ip), "ENOENT", "ENODEV");
    },
    async neighbours(linkIndex) {
      const found = ([AF_INET, AF_INET6] as const).flatMap((family) => listNeighbours(socket, family));
      return found.filter(
        (n) => (n.state & neighbourState.NOARP) === 0 && (linkIndex ?? n.linkIndex) === n.linkIndex,
      );
    },
    async forwardingDefaultAdd(vxlanIndex, destination) {
      socket.request(encodeDefault("RTM_NEWNEIGH", vxlanIndex, destination, flag.CREATE | flag.APPEND));
    },
    async forwardingDefaultDelete(vxlanIndex, destination) {
      return changes(socket, encodeDefault("RTM_DELNEIGH", vxlanIndex, destination), "ENOENT", "ENODEV");
    },
    async forwardingEntries(vxlanIndex) {
      const payload = neighbourMessage.encode({ family: AF_BRIDGE, index: vxlanIndex });
      const request = routeRequest("RTM_GETNEIGH", payload);
      return socket.dump(request, ({ payload }) => decodeForwarding(payload)).flatMap((entry) => entry ?? []);
    },
  };
}

function encodeDefault(
  name: MessageName,
  index: number,
  { remote, port }: DefaultDestination,
  flags?: number,
): NetlinkRequest {
  const header = {
    family: AF_BRIDGE,
    index,
    state: neighbourState.PERMANENT | neighbourState.NOARP,
    flags: NTF_SELF,
  };
  const payload = neighbourMessage.encode(header, { ip: remote, macAddress: defaultMac, port });
  return routeRequest(name, payload, remote, flags);
}

function listNeighbours(socket: NetlinkSocket, family: IpFamily): Neighbour[] {
  // The strict dump takes the link as attribute NDA_IFINDEX only; the few entries are filtered here instead
  const request = routeRequest("RTM_GETNEIGH", neighbourMessage.encode({ family }));
  return socket
    .dump(request, ({ payload }) => neighbourMessage.decode(payload))
    .filter(({ header, values }) => header.family === family && values.ip !== undefined)
    .map(({ header, values }) => ({
      linkIndex: header.index,
      ip: values.ip ?? "",
      state: header.state,
      ...present({ macAddress: values.macAddress }),
    }));
}

function decodeForwarding(payload: Buffer): ForwardingEntry | undefined {
  const { header, values } = neighbourMessage.decode(payload);
  if ((header.flags & NTF_SELF) === 0 || values.ip === undefined) return undefined;
  return {
    macAddress: values.macAddress ?? defaultMac,
    remote: values.ip,
    ...present({ port: values.port }),
  };
}
