// SPDX-License-Identifier: Apache-2.0
import { formatCidr, formatIp, type IPContext, type IpAddress, parseCidr, parseIp } from "@nsm/api";

const bitsOf = ({ family }: IpAddress): number => (family === 4 ? 32 : 128);

/** The single address that `addr` or `addr/len` stands for with all its bits; undefined for other text. */
function hostAddress(text: string): IpAddress | undefined {
  return parseCidr(text)?.address ?? parseIp(text);
}

const hostCidr = (address: IpAddress): string => formatCidr({ address, prefixLength: bitsOf(address) });

/** The addresses of both ends as single-address CIDRs; unreadable ones are left out. */
function endAddresses({ srcIpAddrs, dstIpAddrs }: IPContext): string[] {
  return [...srcIpAddrs, ...dstIpAddrs].flatMap((text) => {
    const address = hostAddress(text);
    return address === undefined ? [] : [hostCidr(address)];
  });
}

/** Addresses of both ends and destinations of routes to single addresses, as single-address CIDRs. */
export function addressesOf(context: IPContext): string[] {
  const routes = [...context.srcRoutes, ...context.dstRoutes].flatMap(({ prefix }) => {
    const net = parseCidr(prefix);
    return net !== undefined && net.prefixLength === bitsOf(net.address) ? [formatCidr(net)] : [];
  });
  return [...endAddresses(context), ...routes];
}

/** The first address of either end that is excluded by an entry for exactly that address. */
export function conflictOf(context: IPContext, excluded: readonly string[]): string | undefined {
  const hosts = new Set(
    excluded.flatMap((text) => {
      const net = parseCidr(text);
      return net !== undefined && net.prefixLength === bitsOf(net.address) ? [formatCidr(net)] : [];
    }),
  );
  const conflict = endAddresses(context).find((address) => hosts.has(address));
  const address = conflict === undefined ? undefined : parseCidr(conflict)?.address;
  return address && formatIp(address);
}
