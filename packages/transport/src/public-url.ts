// SPDX-License-Identifier: Apache-2.0
import { addressUrl, isUnspecified, parseAddress } from "./address.js";

/** One address of a network interface; Node's `os.networkInterfaces()` lists satisfy it. */
export interface InterfaceAddress {
  readonly address: string;
  readonly family: "IPv4" | "IPv6";
  /** True on the loopback interface. */
  readonly internal: boolean;
}

/**
 * The URL under which others reach this process: the first `tcp` one of the list, else the first. A host that
 * stands for every address is replaced by the first IPv4 address that is not loopback, else by the first global
 * unicast IPv6 address (unique local counts, link-local does not); with neither it stays.
 * Upstream: `listenonurl.GetPublicURL`.
 * @param listening what the server listens on, with real ports; not empty
 * @param interfaces every address of the machine, in its order
 */
export function publicUrl(listening: readonly URL[], interfaces: readonly InterfaceAddress[]): URL {
  const chosen = listening.find((url) => url.protocol === "tcp:") ?? listening[0];
  if (chosen === undefined) throw new RangeError("no listening URL");
  if (chosen.protocol !== "tcp:") return chosen;
  const address = parseAddress(chosen);
  if (address.kind !== "tcp" || !isUnspecified(address.host)) return chosen;
  const host =
    interfaces.find(({ family, internal }) => family === "IPv4" && !internal) ??
    interfaces.find(
      ({ family, internal, address }) => family === "IPv6" && !internal && isGlobalUnicast(address),
    );
  return host === undefined ? chosen : addressUrl({ ...address, host: host.address });
}

/** As Go's `IP.IsGlobalUnicast` for addresses of interfaces: not link-local (fe80::/10), multicast or loopback. */
function isGlobalUnicast(address: string): boolean {
  const first = Number.parseInt(address.split(":")[0] || "0", 16);
  return address !== "::1" && address !== "::" && (first & 0xffc0) !== 0xfe80 && (first & 0xff00) !== 0xff00;
}
