// SPDX-License-Identifier: Apache-2.0
import { isIPv4, isIPv6 } from "node:net";

/** An IP address; a v4-mapped IPv6 address (RFC 4291 2.5.5.2) counts as the IPv4 address, as in Go's `net.IP`. */
export interface IpAddress {
  readonly family: 4 | 6;
  /** The 32 or 128 bits, network byte order, as one number. */
  readonly value: bigint;
}

/** An address together with the length of its network's prefix, as on an interface. */
export interface IpNet {
  /** Host address, not masked. */
  readonly address: IpAddress;
  /** Bits: 0 to 32 or 0 to 128. */
  readonly prefixLength: number;
}

const V4_MAPPED = 0xffffn;

/** Reads an address as Go's `net.ParseIP`: no zone, no leading zeros in IPv4. `undefined` for other text. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 4, value: v4Value(text) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const value = v6Value(text);
  if (value >> 32n === V4_MAPPED) return { family: 4, value: value & 0xffffffffn };
  return { family: 6, value };
}

/** Canonical text: dotted for IPv4, RFC 5952 for IPv6. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

/** Address on the 16-byte form of Go's `net.IP`, IPv4 mapped, as one number; orders addresses of both families. */
export function mappedValue({ family, value }: IpAddress): bigint {
  return family === 4 ? (V4_MAPPED << 32n) | value : value;
}

/** Reads `addr/len` as Go's `net.ParseCIDR`, keeping the host address. `undefined` for other text. */
export function parseCidr(text: string): IpNet | undefined {
  const slash = text.indexOf("/");
  if (slash < 0 || !/^[0-9]{1,3}$/.test(text.slice(slash + 1))) return undefined;
  const addressText = text.slice(0, slash);
  const address = parseIp(addressText);
  const length = Number(text.slice(slash + 1));
  if (address === undefined || length > (addressText.includes(":") ? 128 : 32)) return undefined;
  if (address.family === 6 || !addressText.includes(":")) return { address, prefixLength: length };
  // a v4-mapped prefix shorter than 96 bits spans more than the IPv4 addresses: keep it in the IPv6 form
  if (length < 96) return { address: { family: 6, value: mappedValue(address) }, prefixLength: length };
  return { address, prefixLength: length - 96 };
}

/** Text `addr/len` with the canonical address. */
export function formatCidr({ address, prefixLength }: IpNet): string {
  return `${formatIp(address)}/${prefixLength}`;
}

/** Whether the address lies in the network; false across families. */
export function netContains(net: IpNet, address: IpAddress): boolean {
  if (net.address.family !== address.family) return false;
  const hostBits = BigInt((address.family === 4 ? 32 : 128) - net.prefixLength);
  return net.address.value >> hostBits === address.value >> hostBits;
}

function v4Value(text: string): bigint {
  return text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function v6Value(text: string): bigint {
  const [head = "", tail] = text.split("::");
  const before = v6Groups(head);
  const after = tail === undefined ? [] : v6Groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n);
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | group, 0n);
}

function v6Groups(text: string): bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((part) => {
    if (!part.includes(".")) return [BigInt(`0x${part}`)];
    const embedded = v4Value(part);
    return [embedded >> 16n, embedded & 0xffffn];
  });
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === "0") continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
