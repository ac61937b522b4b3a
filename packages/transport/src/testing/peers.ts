// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
} from "node:tls";
import type { TestIdentity } from "@nsm/testkit";

/** A connected socket without anything above. */
export async function rawSocket(url: URL): Promise<Socket> {
  const socket = url.protocol === "unix:" ? connect(url.pathname) : connect(Number(url.port), url.hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** What became of a TLS client of Node's. */
export interface TlsAttempt {
  /** The handshake succeeded as far as the client knows. */
  readonly connected: boolean;
  readonly resumed: boolean;
  readonly session: Buffer | undefined;
}

/** Certificate and key as Node's TLS takes them. */
export function presented({ svid, privateKey, peer }: TestIdentity): {
  readonly cert: string;
  readonly key: string | Buffer;
} {
  const others = svid.chain.slice(1).map((der) => {
    const lines = Buffer.from(der).toString("base64");
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  });
  return {
    cert: peer.certificatePem + others.join(""),
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

/** Connects with Node's TLS, and waits until the server closes the connection or has given a session. */
export async function tlsClient(url: URL, options: ConnectionOptions): Promise<TlsAttempt> {
  const socket = connectTls({
    socket: await rawSocket(url),
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
    ...options,
  });
  let session: Buffer | undefined;
  const sessionGiven = new Promise<void>((resolve) =>
    socket.on("session", (latest) => {
      session = latest;
      resolve();
    }),
  );
  socket.on("error", () => {});
  socket.resume();
  const closed = new Promise<false>((resolve) => socket.once("close", () => resolve(false)));
  const secured = new Promise<true>((resolve) => socket.once("secureConnect", () => resolve(true)));
  const connected = await Promise.race([secured, closed]);
  const resumed = connected && socket.isSessionReused();
  if (connected) await Promise.race([sessionGiven, closed]);
  socket.destroy();
  return { connected, resumed, session };
}

/** A server that does with its connections what it is told. */
export async function rawServer(url: URL, serve: (socket: Socket) => void): Promise<Listening> {
  return listening(
    url,
    createServer((socket) => {
      socket.on("error", () => {});
      serve(socket);
    }),
  );
}

/** A TLS server of Node's, which hands over what it has secured. */
export async function tlsServer(
  url: URL,
  options: TlsOptions,
  onSecured: (socket: TLSSocket) => void = () => {},
): Promise<Listening> {
  const server = createTlsServer({ ...options });
  server.on("tlsClientError", () => {});
  server.on("secureConnection", (socket) => {
    socket.on("error", () => {});
    onSecured(socket);
  });
  return listening(url, server);
}

/** A server and where it listens. */
export interface Listening {
  readonly url: URL;
  close(): void;
}

async function listening(url: URL, server: Server): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  if (url.protocol === "unix:") server.listen(url.pathname);
  else server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = url.protocol === "unix:" ? { port: 0 } : (server.address() as AddressInfo);
  return {
    url: url.protocol === "unix:" ? url : new URL(`tcp://127.0.0.1:${port}`),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
