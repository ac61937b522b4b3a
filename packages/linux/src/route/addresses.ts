// SPDX-License-Identifier: Apache-2.0
import {
  flag,
  ip,
  messageCodec,
  type NetlinkRequest,
  type NetlinkSocket,
  parsePrefix,
  struct,
  u8,
  u32,
} from "../netlink/index.js";
import { changes, type MessageName, routeRequest } from "./request.js";

/** struct ifaddrmsg and IFA_* of linux/if_addr.h. */
const addressMessage = messageCodec(
  struct({ family: u8, prefixLength: u8, flags: u8, scope: u8, index: u32 }),
  {
    address: [1, ip],
    local: [2, ip],
    flags: [8, u32],
  },
);

/** IFA_F_* of linux/if_addr.h. */
export const addressFlag = { NODAD: 0x02, TENTATIVE: 0x40, PERMANENT: 0x80 } as const;

/** RT_SCOPE_* of linux/rtnetlink.h, for addresses and routes. */
export const scope = { UNIVERSE: 0, SITE: 200, LINK: 253, HOST: 254 } as const;

/** An address of a link. */
export interface LinkAddress {
  readonly linkIndex: number;
  /** The local address with its prefix length: `172.16.1.101/32`. */
  readonly address: string;
  /** IFA_F_* bits. */
  readonly flags: number;
  /** RT_SCOPE_*. */
  readonly scope: number;
  /** Duplicate detection has not finished: not usable yet. */
  readonly tentative: boolean;
}

/** Operations on addresses of links. */
export interface AddressOperations {
  /**
   * Adds a permanent address without a peer, or replaces it. IPv6 without duplicate detection (NODAD): usable at
   * once.
   * @param address with a prefix length, else all bits count
   * @throws LinuxError ENODEV; EINVAL for malformed text; EACCES when IPv6 is disabled on the link
   */
  addressReplace(linkIndex: number, address: string): Promise<void>;
  /** @returns false when the address or the link was absent already */
  addressDelete(linkIndex: number, address: string): Promise<boolean>;
  /** Addresses of both families, of one link or of all. */
  addresses(linkIndex?: number): Promise<LinkAddress[]>;
}

/** Builds the address operations on a socket. */
export function addressOperations(socket: NetlinkSocket): AddressOperations {
  return {
    async addressReplace(linkIndex, address) {
      const flags = addressFlag.PERMANENT | addressFlag.NODAD;
      socket.request(addressRequest("RTM_NEWADDR", linkIndex, address, flags, flag.CREATE | flag.REPLACE));
    },
    async addressDelete(linkIndex, address) {
      return changes(socket, addressRequest("RTM_DELADDR", linkIndex, address), "EADDRNOTAVAIL", "ENODEV");
    },
    async addresses(linkIndex) {
      const payload = addressMessage.encode({ index: linkIndex ?? 0 });
      const found = socket.dump(routeRequest("RTM_GETADDR", payload), ({ payload }) =>
        decodeAddress(payload),
      );
      // Kernels without strict checks ignore the filter
      return found.filter((address) => linkIndex === undefined || address.linkIndex === linkIndex);
    },
  };
}

function addressRequest(
  name: MessageName,
  index: number,
  address: string,
  addressFlags?: number,
  flags?: number,
): NetlinkRequest {
  const { ip, length, family } = parsePrefix(address);
  const values = { address: ip, local: ip, flags: addressFlags };
  return routeRequest(
    name,
    addressMessage.encode({ family, prefixLength: length, index }, values),
    address,
    flags,
  );
}

/** Reads RTM_NEWADDR and RTM_DELADDR. */
export function decodeAddress(payload: Buffer): LinkAddress {
  const { header, values } = addressMessage.decode(payload);
  const flags = values.flags ?? header.flags;
  return {
    linkIndex: header.index,
    address: `${values.local ?? values.address ?? ""}/${header.prefixLength}`,
    flags,
    scope: header.scope,
    tentative: (flags & addressFlag.TENTATIVE) !== 0,
  };
}
