// SPDX-License-Identifier: Apache-2.0
import { chmodSync, rmSync } from "node:fs";
import { createServer as createHttp2, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";

/** A server in the place of a Workload API. */
export interface FalseWorkloadApi {
  /** Connections or calls that came so far. */
  readonly asked: number;
  stop(): Promise<void>;
}

async function listen(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  chmodSync(path, 0o777);
}

/** Answers every connection with bytes that are no HTTP/2. */
export async function garbageApi(path: string): Promise<FalseWorkloadApi> {
  const sockets = new Set<Socket>();
  let asked = 0;
  const server = createServer((socket) => {
    asked += 1;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.end("\u0000\u0001SSH-2.0-garbage\r\n".repeat(20));
  });
  await listen(server, path);
  return {
    get asked() {
      return asked;
    },
    stop: () => closed(server, sockets),
  };
}

/** Answers every call of gRPC with a message of these bytes, and keeps the stream open. */
export async function wrongAnswerApi(path: string, message: Uint8Array): Promise<FalseWorkloadApi> {
  const sessions = new Set<ServerHttp2Session>();
  let asked = 0;
  const server = createHttp2();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {}).on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream: ServerHttp2Stream) => {
    asked += 1;
    stream.on("error", () => {});
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.write(Buffer.concat([prefix, message]));
  });
  await listen(server as unknown as Server, path);
  return {
    get asked() {
      return asked;
    },
    async stop() {
      for (const session of sessions) session.destroy();
      await closed(server as unknown as Server, new Set());
    },
  };
}

async function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}
