// SPDX-License-Identifier: Apache-2.0

import { isIPv4, isIPv6 } from "node:net";
import { Code, StatusError } from "@nsm/core";

/** A socket file. */
export interface UnixAddress {
  readonly kind: "unix";
  /** Path of the socket file, absolute or relative to the working directory. */
  readonly path: string;
}

/** A TCP host and port. */
export interface TcpAddress {
  readonly kind: "tcp";
  /** Name or IP address without brackets; `::` for every address of the machine. */
  readonly host: string;
  readonly port: number;
}

/** Where a URL leads. */
export type Address = UnixAddress | TcpAddress;

const TCP_SCHEME = /^tcp:\/\//i;

/**
 * Reads an address in any form that upstream's manifests use (`grpcutils.URLToTarget`): `unix:///path`,
 * `unix:path`, `tcp://host:port`, `tcp://[v6]:port`, `tcp://:port`, and without a scheme `host:port` (which a
 * URL object takes for scheme and path), `1.2.3.4:5002` and `:5002`. IPv6 hosts need no brackets after `tcp://`.
 * A host left out means every address of the machine. Port 0 is allowed; whether it makes sense is the caller's.
 * @throws INVALID_ARGUMENT BAD_ADDRESS for any other text
 */
export function parseAddress(url: URL | string): Address {
  const text = typeof url === "string" ? url : url.href;
  if (/^unix:/i.test(text)) return unixAddress(text);
  const authority = text.replace(TCP_SCHEME, "").replace(/\/$/, "");
  const colon = authority.lastIndexOf(":");
  const port = authority.slice(colon + 1);
  const host = unbracketed(authority.slice(0, Math.max(colon, 0)));
  if (colon < 0 || !/^\d{1,5}$/.test(port) || Number(port) > 65535 || host === undefined)
    throw badAddress(text);
  return { kind: "tcp", host: host === "" ? "::" : host, port: Number(port) };
}

/** The URL of an address: `unix:///path` or `tcp://host:port`, IPv6 hosts in brackets. */
export function addressUrl(address: Address): URL {
  if (address.kind === "tcp") return new URL(`tcp://${hostPort(address)}`);
  return new URL(address.path.startsWith("/") ? `unix://${address.path}` : `unix:${address.path}`);
}

/** `host:port`, IPv6 hosts in brackets. */
export function hostPort({ host, port }: TcpAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** True for a host that stands for every address of the machine. */
export function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function unixAddress(text: string): UnixAddress {
  const path = decodeURIComponent(text.replace(/^unix:(\/\/(?=\/))?/i, ""));
  if (path === "" || path.startsWith("//") || path.includes("\0")) throw badAddress(text);
  return { kind: "unix", path };
}

/** Undefined for what cannot be a host. */
function unbracketed(host: string): string | undefined {
  const inside = /^\[(.*)\]$/.exec(host)?.[1];
  if (inside !== undefined) return isIPv6(inside) ? inside : undefined;
  if (isIPv4(host) || isIPv6(host)) return host;
  return /^[\w.-]*$/.test(host) ? host : undefined;
}

function badAddress(text: string): StatusError {
  return new StatusError(
    Code.INVALID_ARGUMENT,
    `not an address: ${JSON.stringify(text)} (unix:///path, tcp://host:port or host:port)`,
    { reason: "BAD_ADDRESS" },
  );
}
