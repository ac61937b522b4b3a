// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import { Code, StatusError } from "@nsm/core";

/** The variable that the SPIFFE Workload Endpoint specification, section 4, names. */
const VARIABLE = "SPIFFE_ENDPOINT_SOCKET";
/** Longest path a `sockaddr_un` holds, without its closing zero byte (unix(7)). */
const MAX_UNIX_PATH_BYTES = 107;

/**
 * Reads the address of the Workload API: `unix:///path`, `unix:/path` or `tcp://IP:port`.
 * @param endpoint value of `SPIFFE_ENDPOINT_SOCKET`
 * @returns target for grpc-js
 * @throws INVALID_ARGUMENT SPIFFE_ENDPOINT_SOCKET naming the variable and what is wrong
 */
export function workloadApiTarget(endpoint: string | undefined): string {
  if (endpoint === undefined || endpoint === "") {
    throw wrong(
      "is not set; it names the socket of the SPIFFE Workload API, such as unix:///run/spire/sockets/agent.sock",
    );
  }
  const parts = /^([a-z]+):(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/.exec(endpoint);
  if (parts === null) throw wrong(`"${endpoint}" is not an address: unix:///path or tcp://IP:port`);
  const [, scheme, authority = "", path = "", query, fragment] = parts;
  if (query !== undefined) throw wrong(`"${endpoint}" has a query`);
  if (fragment !== undefined) throw wrong(`"${endpoint}" has a fragment`);
  if (authority.includes("@")) throw wrong(`"${endpoint}" has user information`);
  if (scheme === "unix") return unixTarget(endpoint, authority, path);
  if (scheme === "tcp") return tcpTarget(endpoint, authority, path);
  throw wrong(`"${endpoint}" has the scheme ${scheme}; unix and tcp are known`);
}

function unixTarget(endpoint: string, authority: string, path: string): string {
  if (authority !== "") throw wrong(`"${endpoint}" has a host; the path follows unix: or unix://`);
  if (path === "" || path === "/") throw wrong(`"${endpoint}" has no path`);
  if (!path.startsWith("/")) throw wrong(`"${endpoint}" has a relative path`);
  if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
    throw wrong(`"${endpoint}" has a path longer than ${MAX_UNIX_PATH_BYTES} bytes`);
  }
  return `unix:${path}`;
}

function tcpTarget(endpoint: string, authority: string, path: string): string {
  if (authority === "") throw wrong(`"${endpoint}" has no host: tcp://IP:port`);
  if (path !== "") throw wrong(`"${endpoint}" has a path`);
  const [, v6, other, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(authority) ?? [];
  const host = v6 ?? other ?? "";
  if (isIP(host) !== (v6 === undefined ? 4 : 6))
    throw wrong(`"${endpoint}" has a host that is no IP address`);
  if (port === undefined) throw wrong(`"${endpoint}" has no port`);
  if (Number(port) > 65_535) throw wrong(`"${endpoint}" has a port above 65535`);
  return v6 === undefined ? `ipv4:${host}:${port}` : `ipv6:[${host}]:${port}`;
}

const wrong = (what: string): StatusError =>
  new StatusError(Code.INVALID_ARGUMENT, `${VARIABLE} ${what}`, { reason: VARIABLE });
