// SPDX-License-Identifier: Apache-2.0
import { isIPv4, isIPv6 } from "node:net";
import { IPv4, IPv6 } from "ip-num";
import { IpamError } from "./errors.js";
import type { AddressRange } from "./range-set.js";

/** Version of the Internet Protocol. */
export type Family = 4 | 6;

/** An address as number; a v4-mapped IPv6 address (RFC 4291 2.5.5.2) is the IPv4 address. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** The addresses of a network, host bits ignored. */
export interface Net {
  readonly family: Family;
  readonly range: AddressRange;
}

const MAPPED_FIRST = 0xffff00000000n;
const V4_MASK = 0xffffffffn;

/** Number of bits of an address. */
export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/**
 * Reads an address.
 *
 * @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS for other text, an IPv6 zone included
 */
export function parseAddress(text: string): Address {
  if (isIPv4(text)) return { family: 4, value: IPv4.fromString(text).getValue() };
  if (isIPv6(text) && !text.includes("%")) {
    const ip = IPv6.fromString(text);
    const value = ip.getValue();
    return ip.isIPv4Mapped() ? { family: 4, value: value & V4_MASK } : { family: 6, value };
  }
  throw new IpamError("NSM_IPAM_BAD_ADDRESS", `not an IP address: ${JSON.stringify(text)}`);
}

/**
 * Reads a network `addr/len`; host bits may be set and are ignored.
 *
 * @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR for other text
 */
export function parseNet(text: string): Net {
  const slash = text.indexOf("/");
  const addressText = text.slice(0, Math.max(slash, 0));
  const lengthText = text.slice(slash + 1);
  const written = isIPv4(addressText) ? 4 : 6;
  const length = /^[0-9]{1,3}$/.test(lengthText) ? Number(lengthText) : Number.NaN;
  if (!isAddress(addressText) || !(length <= bitsOf(written))) {
    throw new IpamError("NSM_IPAM_BAD_CIDR", `not a CIDR: ${JSON.stringify(text)}`);
  }
  const { family, value } = parseAddress(addressText);
  if (family === written) return { family, range: rangeOf(value, bitsOf(family) - length) };
  // a v4-mapped network of more than 2^32 addresses is not an IPv4 network
  if (length >= 96) return { family, range: rangeOf(value, 128 - length) };
  return { family: 6, range: rangeOf(MAPPED_FIRST + value, 128 - length) };
}

/** Canonical text: dotted for IPv4, RFC 5952 for IPv6 (ip-num's own text is not, and drops leading groups). */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return IPv4.fromNumber(value).toString();
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  const text = groups.join(":");
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return text;
  const { start, length } = zeros;
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

/** Whether the text is an address (not a CIDR). */
export const isAddress = (text: string): boolean => isIPv4(text) || (isIPv6(text) && !text.includes("%"));

function rangeOf(value: bigint, hostBits: number): AddressRange {
  const shift = BigInt(hostBits);
  const first = (value >> shift) << shift;
  return { first, last: first + (1n << shift) - 1n };
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === "0") continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
