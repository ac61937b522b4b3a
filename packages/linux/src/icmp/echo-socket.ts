// SPDX-License-Identifier: Apache-2.0
import { randomInt } from "node:crypto";
import { closeSync } from "node:fs";
import { AF_INET, familyOf, type IpFamily, ipBytes } from "../netlink/index.js";
import { type Netns, runInOptionalNetns } from "../netns/index.js";
import { bind, hasCode, receiveFrom, send, setIntegerOption, socket } from "../syscall/index.js";

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const headerBytes = 8; // type, code, checksum, identifier, sequence: the same in RFC 792 and RFC 4443

/** Numbers that differ between the two protocols. */
interface Protocol {
  readonly number: number;
  readonly request: number;
  readonly reply: number;
  readonly addressOffset: number;
  readonly addressBytes: number;
  readonly socketAddressBytes: number;
  /** Level, option and value that forbid fragments, also locally (IP_PMTUDISC_DO). */
  readonly dontFragment: readonly (readonly [number, number, number])[];
}

const icmp4: Protocol = {
  number: 1,
  request: 8,
  reply: 0,
  addressOffset: 4,
  addressBytes: 4,
  socketAddressBytes: 16,
  dontFragment: [[0, 10, 2]],
};
const icmp6: Protocol = {
  number: 58,
  request: 128,
  reply: 129,
  addressOffset: 8,
  addressBytes: 16,
  socketAddressBytes: 28,
  dontFragment: [
    [41, 23, 2],
    [41, 62, 1],
  ],
};

/** Sends echo requests to one destination and receives its replies. */
export interface EchoSocket {
  /** @throws LinuxError EMSGSIZE, ENETUNREACH… */
  send(sequence: number): void;
  /** Sequence number of the next reply that is there. */
  receive(): number | undefined;
  close(): void;
}

/** What an echo socket is opened with. */
export interface EchoOptions {
  readonly destination: string;
  readonly source?: string;
  readonly netns?: Netns;
  readonly payloadBytes: number;
  readonly dontFragment: boolean;
}

/**
 * Opens an ICMP socket: a datagram one (icmp(7), allowed by `ping_group_range`), else a raw one (CAP_NET_RAW).
 * @throws LinuxError EPERM or EACCES when neither is allowed; EADDRNOTAVAIL for a source that is not local
 */
export function openEchoSocket(options: EchoOptions): EchoSocket {
  const family = familyOf(options.destination);
  const protocol = family === AF_INET ? icmp4 : icmp6;
  const { fd, raw } = runInOptionalNetns(options.netns, () => openSocket(family, protocol));
  try {
    if (options.source !== undefined) bind(fd, socketAddress(family, protocol, options.source));
    if (options.dontFragment) for (const option of protocol.dontFragment) setIntegerOption(fd, ...option);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const identifier = randomInt(1, 65536);
  const destination = socketAddress(family, protocol, options.destination);
  const packet = Buffer.alloc(headerBytes + options.payloadBytes, 0x5a);
  const input = Buffer.alloc(60 + packet.length); // room for an IPv4 header with options
  const from = Buffer.alloc(protocol.socketAddressBytes);
  const address = addressIn(destination, protocol);
  return {
    send(sequence) {
      packet.writeUInt8(protocol.request, 0);
      packet.fill(0, 1, 4);
      packet.writeUInt16BE(identifier, 4);
      packet.writeUInt16BE(sequence, 6);
      // The kernel fills in the checksum of every other kind of socket
      if (family === AF_INET && raw) packet.writeUInt16BE(checksum(packet), 2);
      send(fd, packet, destination);
    },
    receive() {
      for (;;) {
        const length = receiveFrom(fd, input, from);
        if (length === undefined) return undefined;
        const start = raw && family === AF_INET ? (input.readUInt8(0) & 0xf) * 4 : 0;
        if (length < start + headerBytes || input.readUInt8(start) !== protocol.reply) continue;
        // A raw socket sees the replies to everybody; the kernel changes the identifier of a datagram one
        if (raw && input.readUInt16BE(start + 4) !== identifier) continue;
        if (!addressIn(from, protocol).equals(address)) continue;
        return input.readUInt16BE(start + 6);
      }
    },
    close: () => closeSync(fd),
  };
}

function openSocket(family: IpFamily, protocol: Protocol): { fd: number; raw: boolean } {
  try {
    return { fd: socket(family, SOCK_DGRAM, protocol.number), raw: false };
  } catch (error) {
    if (!hasCode(error, "EACCES", "EPERM", "EPROTONOSUPPORT")) throw error;
    return { fd: socket(family, SOCK_RAW, protocol.number), raw: true };
  }
}

/** struct sockaddr_in or sockaddr_in6 with port 0. */
function socketAddress(family: IpFamily, protocol: Protocol, ip: string): Buffer {
  const address = Buffer.alloc(protocol.socketAddressBytes);
  address.writeUInt16LE(family, 0);
  address.set(ipBytes(ip), protocol.addressOffset);
  return address;
}

/** Internet checksum (RFC 1071). */
export function checksum(packet: Uint8Array): number {
  let sum = 0;
  for (const [position, byte] of packet.entries()) sum += position % 2 === 0 ? byte << 8 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function addressIn(socketAddress: Buffer, { addressOffset, addressBytes }: Protocol): Buffer {
  return socketAddress.subarray(addressOffset, addressOffset + addressBytes);
}
