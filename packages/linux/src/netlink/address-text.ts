// SPDX-License-Identifier: Apache-2.0
import { isIPv4, isIPv6 } from "node:net";
import { linuxError } from "../syscall/index.js";

/** AF_INET of sys/socket.h. */
export const AF_INET = 2;
/** AF_INET6 of sys/socket.h. */
export const AF_INET6 = 10;
/** Address families that rtnetlink's address, route, rule and neighbour messages are made for. */
export type IpFamily = typeof AF_INET | typeof AF_INET6;

/** Family of an IP address in text form. @throws LinuxError EINVAL */
export function familyOf(ip: string): IpFamily {
  if (isIPv4(ip)) return AF_INET;
  if (isIPv6(ip)) return AF_INET6;
  throw malformed("IP address", ip);
}

/** Number of address bits of a family. */
export function bitsOf(family: IpFamily): number {
  return family === AF_INET ? 32 : 128;
}

/** Bytes of an IP address in network order: 4 or 16. @throws LinuxError EINVAL for text that is no address */
export function ipBytes(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split(".").map(Number));
  if (!isIPv6(ip) || ip.includes("%")) throw malformed("IP address", ip);
  const groups = withoutDottedTail(ip);
  const [head = "", tail] = groups.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const bytes = Buffer.alloc(16);
  for (const [position, group] of front.entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), position * 2);
  const start = 8 - back.length;
  for (const [position, group] of back.entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), (start + position) * 2);
  return bytes;
}

/** `::ffff:1.2.3.4` → `::ffff:102:304` (RFC 4291 section 2.2). */
function withoutDottedTail(ip: string): string {
  if (!ip.includes(".")) return ip;
  const cut = ip.lastIndexOf(":") + 1;
  const bytes = ipBytes(ip.slice(cut));
  return `${ip.slice(0, cut)}${bytes.readUInt16BE(0).toString(16)}:${bytes.readUInt16BE(2).toString(16)}`;
}

/** Text of 4 or 16 address bytes; IPv6 in the canonical form of RFC 5952, without a dotted tail. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const groups = Array.from({ length: 8 }, (_, i) => view.readUInt16BE(i * 2));
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function hex(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [position, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: position - length + 1, length };
  }
  return best;
}

/** An address with a prefix length. */
export interface Prefix {
  readonly ip: string;
  /** 0 to 32 or 128. */
  readonly length: number;
  readonly family: IpFamily;
}

/** Parses `10.0.0.1/24` or `fd00::1/64`; without a length all bits count. @throws LinuxError EINVAL */
export function parsePrefix(text: string): Prefix {
  const [ip = "", lengthText, ...rest] = text.split("/");
  const family = familyOf(ip);
  const length = lengthText === undefined ? bitsOf(family) : Number(lengthText);
  const valid = rest.length === 0 && (lengthText === undefined || /^\d+$/.test(lengthText));
  if (!valid || length > bitsOf(family)) throw malformed("prefix", text);
  return { ip, length, family };
}

/** The address bytes with the bits beyond the prefix length cleared, as routes and rules want them. */
export function maskedBytes({ ip, length }: Prefix): Buffer {
  const bytes = ipBytes(ip);
  for (const [position, byte] of bytes.entries()) {
    const kept = Math.min(8, Math.max(0, length - position * 8));
    bytes[position] = byte & (0xff << (8 - kept));
  }
  return bytes;
}

/** Bytes of a MAC address such as `02:00:00:00:00:01`. @throws LinuxError EINVAL */
export function macBytes(mac: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) throw malformed("MAC address", mac);
  return Buffer.from(mac.replaceAll(":", ""), "hex");
}

/** Text of a link-layer address, lower case. */
export function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function malformed(what: string, text: string): Error {
  return linuxError("EINVAL", "parse", { subject: JSON.stringify(text), extAck: `not a ${what}` });
}
