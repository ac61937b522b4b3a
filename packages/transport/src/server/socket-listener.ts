// SPDX-License-Identifier: Apache-2.0

import { chmod, mkdir, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { Code, StatusError } from "@nsm/core";
import { addressUrl, isUnspecified, parseAddress } from "../address.js";

/** A bound socket that accepts connections. */
export interface SocketListener {
  /** The real address: the port chosen for port 0, an absent host as `[::]`. */
  readonly url: URL;
  /** Stops accepting; a socket file is removed. Connections stay. */
  close(): Promise<void>;
}

/** How to listen. */
export interface ListenSocketOptions {
  /** Whether unix connections carry descriptors. */
  readonly descriptors: boolean;
  /**
   * Gets every connection.
   * @param descriptors whether descriptors travel on this one; it is paused then
   */
  accept(socket: Socket, descriptors: boolean): void;
}

/** Longest path a `sockaddr_un` holds, without its closing zero byte (unix(7)). */
const MAX_UNIX_PATH_BYTES = 107;
const BACKLOG = 1024;

/**
 * Binds an address. unix: a file left at the path is removed, missing folders are made, the socket is open to
 * everybody (mode 0777). tcp: an absent host binds both families, IPv4 alone where the kernel has no IPv6.
 * Upstream: `grpcutils.ListenAndServe`.
 * @throws UNAVAILABLE LISTEN `cannot listen on <url>: <cause>`
 */
export async function listenSocket(url: URL, options: ListenSocketOptions): Promise<SocketListener> {
  const address = parseAddress(url);
  // a paused socket can be taken over before a byte, or a descriptor beside it, was read
  const pauseOnConnect = address.kind === "unix" && options.descriptors;
  const server = createServer(
    { pauseOnConnect, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 },
    (socket) => options.accept(socket, pauseOnConnect),
  );
  try {
    if (address.kind === "unix") await listenUnix(server, address.path);
    else await listenTcp(server, address.host, address.port);
  } catch (error) {
    server.close();
    const { message } = error as Error;
    throw new StatusError(Code.UNAVAILABLE, `cannot listen on ${url.href}: ${message}`, {
      reason: "LISTEN",
      cause: error,
    });
  }
  return {
    url: address.kind === "unix" ? url : boundUrl(server, url),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function listenUnix(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
    throw new RangeError(`the path is longer than ${MAX_UNIX_PATH_BYTES} bytes`);
  }
  await rm(path, { force: true });
  await mkdir(dirname(path), { recursive: true });
  await bound(server, { path, backlog: BACKLOG });
  await chmod(path, 0o777);
}

async function listenTcp(server: Server, host: string, port: number): Promise<void> {
  try {
    await bound(server, { host, port, backlog: BACKLOG });
  } catch (error) {
    const noIpv6 = ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes((error as NodeJS.ErrnoException).code ?? "");
    if (host !== "::" || !noIpv6) throw error;
    await bound(server, { host: "0.0.0.0", port, backlog: BACKLOG });
  }
}

function bound(
  server: Server,
  options: { path?: string; host?: string; port?: number; backlog: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      // accept(2) may fail for want of descriptors; the listener goes on
      server.on("error", () => {});
      resolve();
    });
  });
}

function boundUrl(server: Server, url: URL): URL {
  const address = server.address();
  if (address === null || typeof address === "string") return url;
  const host = isUnspecified(address.address) ? "::" : address.address;
  return addressUrl({ kind: "tcp", host, port: address.port });
}
