// SPDX-License-Identifier: Apache-2.0
import {
  attributes,
  be16,
  bytes,
  ip,
  mac,
  messageCodec,
  s32,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
} from "../netlink/index.js";

/** struct ifinfomsg of linux/rtnetlink.h. */
const linkHeader = struct({ family: u8, pad: u8, type: u16, index: s32, flags: u32, change: u32 });

/** struct rtnl_link_stats64 of linux/if_link.h, the part that every driver fills. */
const linkStatistics = struct({
  receivedPackets: u64,
  sentPackets: u64,
  receivedBytes: u64,
  sentBytes: u64,
  receiveErrors: u64,
  sendErrors: u64,
  receiveDropped: u64,
  sendDropped: u64,
});

/** IFLA_INFO_*; data depends on the kind. */
const linkInfo = attributes({ kind: [1, text], data: [2, bytes] });

/** IFLA_INET6_* inside AF_INET6 inside IFLA_AF_SPEC. */
const familySettings = attributes({ inet6: [10, attributes({ addressGenerationMode: [8, u8] })] });

/** IFLA_* of linux/if_link.h. */
export const linkMessage = messageCodec(linkHeader, {
  macAddress: [1, mac],
  name: [3, text],
  mtuBytes: [4, u32],
  link: [5, s32],
  master: [10, u32],
  operationalState: [16, u8],
  info: [18, linkInfo],
  alias: [20, text],
  statistics: [23, linkStatistics],
  familySettings: [26, familySettings],
  group: [27, u32],
  netnsFd: [28, u32],
  netnsId: [37, s32],
});

/** IFLA_VXLAN_* of linux/if_link.h. */
export const vxlanData = attributes({
  vni: [1, u32],
  remote4: [2, ip],
  local4: [4, ip],
  learning: [7, u8],
  port: [15, be16],
  remote6: [16, ip],
  local6: [17, ip],
});

/** VETH_INFO_PEER of linux/veth.h: a whole link message. */
export const vethData = attributes({ peer: [1, bytes] });

/** IFLA_BR_* of linux/if_link.h. */
export const bridgeData = attributes({
  stpState: [5, u32],
  multicastSnooping: [23, u8],
  callIptables: [36, u8],
  callIp6tables: [37, u8],
  callArptables: [38, u8],
});

/** IFF_* of linux/if.h. */
export const linkFlag = { UP: 0x1, LOWER_UP: 0x10000 } as const;

/** VXLAN parameters (RFC 7348) as the kernel shows them. */
export interface VxlanParameters {
  /** 24 bits. */
  readonly vni: number;
  /** Remote tunnel address; absent when only forwarding entries name remotes. */
  readonly remote?: string;
  /** Own tunnel address. */
  readonly local?: string;
  /** UDP port, of both sides. */
  readonly port: number;
}

/** Counters of a link since it was made. */
export interface LinkStatistics {
  readonly receivedPackets: number;
  readonly sentPackets: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly receiveErrors: number;
  readonly sendErrors: number;
  readonly receiveDropped: number;
  readonly sendDropped: number;
}

/** A network link as the kernel shows it. */
export interface Link {
  /** Unique in its namespace while the link exists; used again later. */
  readonly index: number;
  readonly name: string;
  /** `veth`, `vxlan`, `bridge`…; absent for physical links and loopback. */
  readonly kind?: string;
  readonly alias?: string;
  readonly macAddress?: string;
  readonly mtuBytes: number;
  /** IFF_* bits. */
  readonly flags: number;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** Carrier present (IFF_LOWER_UP): of a veth, both ends are up. */
  readonly lowerUp: boolean;
  /** Number that whoever made the link gave it (IFLA_GROUP); 0: none. The kernel attaches no meaning to it. */
  readonly group: number;
  /** Bridge that this link is a port of. */
  readonly masterIndex?: number;
  /** Index of the peer or lower link, in the namespace `netnsId` if given. */
  readonly peerIndex?: number;
  /** Local number of the namespace that the peer lives in (IFLA_LINK_NETNSID); absent when it is this one. */
  readonly netnsId?: number;
  /** Of kind `vxlan` only. */
  readonly vxlan?: VxlanParameters;
  readonly statistics?: LinkStatistics;
}

/** Reads RTM_NEWLINK and RTM_DELLINK. */
export function decodeLink(payload: Buffer): Link {
  const { header, values } = linkMessage.decode(payload);
  const kind = values.info?.kind;
  return {
    index: header.index,
    name: values.name ?? "",
    mtuBytes: values.mtuBytes ?? 0,
    flags: header.flags,
    up: (header.flags & linkFlag.UP) !== 0,
    lowerUp: (header.flags & linkFlag.LOWER_UP) !== 0,
    group: values.group ?? 0,
    ...present({
      kind,
      alias: values.alias,
      macAddress: values.macAddress,
      masterIndex: values.master,
      peerIndex: values.link,
      netnsId: values.netnsId,
      vxlan: kind === "vxlan" ? decodeVxlan(values.info?.data) : undefined,
      statistics: values.statistics,
    }),
  };
}

function decodeVxlan(data: Uint8Array | undefined): VxlanParameters {
  const values = vxlanData.decode(Buffer.from(data ?? []));
  const remote = values.remote4 ?? values.remote6;
  const local = values.local4 ?? values.local6;
  return { vni: values.vni ?? 0, port: values.port ?? 0, ...present({ remote, local }) };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Drops the properties that are undefined. */
export function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Present<T>;
}
