// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { AF_INET, familyOf, ipBytes, macBytes } from "../netlink/index.js";
import { type Netns, runInOptionalNetns } from "../netns/index.js";
import { send, socket } from "../syscall/index.js";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ARP = 0x0806;
const ETH_P_IPV6 = 0x86dd;
const IPPROTO_ICMPV6 = 58;
const everybody = Buffer.alloc(6, 0xff);
/** ff02::1, all nodes of the link, and its Ethernet address (RFC 2464 section 7). */
const allNodes = Buffer.from("ff020000000000000000000000000001", "hex");
const allNodesMac = Buffer.from("333300000001", "hex");

/** Who has an address now. */
export interface Announcement {
  /** Without prefix length. */
  readonly ip: string;
  readonly macAddress: string;
}

/** Sends through links of one network namespace who has an address. */
export interface Announcer {
  /**
   * Sends through a link, as if its owner stood behind it, who has an address now: those at the other end who remember
   * another MAC address for it change that at once; nobody learns an address he did not ask for. A gratuitous ARP
   * request (RFC 5227 section 3) for IPv4, an unsolicited neighbour advertisement with override (RFC 4861 section
   * 7.2.6) for IPv6.
   * @param linkIndex in the announcer's namespace
   * @throws LinuxError EPERM without CAP_NET_RAW; ENXIO without the link, ENETDOWN
   */
  announce(linkIndex: number, announcements: readonly Announcement[]): void;
  close(): void;
}

/**
 * Makes an announcer. It has one socket: the kernel lets whoever closes one wait for milliseconds. What cannot be
 * opened now is tried again by each announcement.
 * @param netns default: the own one; must stay open
 */
export function announcer(netns?: Netns): Announcer {
  const open = (): number => runInOptionalNetns(netns, () => socket(AF_PACKET, SOCK_RAW, 0)); // receives nothing
  let fd: number | undefined;
  try {
    fd = open();
  } catch {
    // whoever announces is told
  }
  return {
    announce(linkIndex, announcements) {
      for (const { ip, macAddress } of announcements) {
        fd ??= open();
        const isIpv4 = familyOf(ip) === AF_INET;
        const frame = (isIpv4 ? arpRequest : advertisement)(macBytes(macAddress), ipBytes(ip));
        send(fd, frame, linkAddress(linkIndex, isIpv4 ? ETH_P_ARP : ETH_P_IPV6));
      }
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** struct sockaddr_ll of linux/if_packet.h. */
function linkAddress(linkIndex: number, protocol: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(protocol, 2);
  address.writeInt32LE(linkIndex, 4);
  return address;
}

function ethernet(destination: Uint8Array, source: Uint8Array, protocol: number): Buffer {
  return Buffer.concat([destination, source, Buffer.from([protocol >> 8, protocol & 0xff])]);
}

function arpRequest(mac: Uint8Array, ip: Uint8Array): Buffer {
  const fixed = Buffer.from("0001080006040001", "hex"); // Ethernet, IPv4, lengths, request
  return Buffer.concat([ethernet(everybody, mac, ETH_P_ARP), fixed, mac, ip, Buffer.alloc(6), ip]);
}

function advertisement(mac: Uint8Array, ip: Uint8Array): Buffer {
  const flagsOverride = Buffer.from("20000000", "hex");
  const option = Buffer.concat([Buffer.from([2, 1]), mac]); // target link-layer address, 8 bytes
  const message = Buffer.concat([Buffer.from([136, 0, 0, 0]), flagsOverride, ip, option]);
  message.writeUInt16BE(checksum(ip, message), 2);
  const header = Buffer.from([0x60, 0, 0, 0, 0, message.length, IPPROTO_ICMPV6, 255]);
  return Buffer.concat([ethernet(allNodesMac, mac, ETH_P_IPV6), header, ip, allNodes, message]);
}

/** RFC 4443 section 2.3, over the pseudo-header of RFC 8200 section 8.1. */
function checksum(source: Uint8Array, message: Uint8Array): number {
  const tail = Buffer.from([0, 0, 0, message.length, 0, 0, 0, IPPROTO_ICMPV6]);
  const all = Buffer.concat([source, allNodes, tail, message]);
  let sum = 0;
  for (let at = 0; at < all.length; at += 2) sum += all.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
