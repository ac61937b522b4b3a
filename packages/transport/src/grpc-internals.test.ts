// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import {
  Channel,
  connectivityState,
  Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
} from "@grpc/grpc-js";
import {
  adaptHttp2Clients,
  CallPreparation,
  createGrpcServer,
  MAX_HEADER_COUNT,
  StreamCredentials,
  socketDescriptor,
} from "./grpc-internals.js";

const versionOf = (name: string): string => createRequire(import.meta.url)(`${name}/package.json`).version;

it("works with the versions it was tried with", () => {
  expect([versionOf("@grpc/grpc-js"), versionOf("nice-grpc")]).toEqual(["1.14.7", "2.1.18"]);
});

it("still finds the members of grpc-js that it uses", () => {
  const server = new Server();
  expect(Reflect.get(server, "commonServerOptions")).toMatchObject({
    maxSendHeaderBlockLength: expect.any(Number),
  });
  expect(Object.keys(server.createConnectionInjector(ServerCredentials.createInsecure()))).toEqual(
    expect.arrayContaining(["injectConnection", "destroy"]),
  );
  server.forceShutdown();
});

it("puts the header limits into the server's HTTP/2 options", () => {
  const server = createGrpcServer({}, { maxHeaderListBytes: 100_000, maxHeaderCount: 321 });
  expect(Reflect.get(server, "commonServerOptions")).toMatchObject({
    maxHeaderListPairs: 321,
    settings: { maxHeaderListSize: 100_000 },
  });
  server.forceShutdown();
});

it("grpc-js still looks http2.connect up at every connection, and hands no limit of headers to it", () => {
  const require = createRequire(import.meta.url);
  const source = readFileSync(
    join(dirname(require.resolve("@grpc/grpc-js/package.json")), "build/src/transport.js"),
    "utf8",
  );
  expect(source).toContain("http2.connect(");
  expect(source).not.toContain("maxHeaderListPairs");
});

it("grpc-js still says of an unprocessed stream what calls are repeated for", () => {
  const require = createRequire(import.meta.url);
  const build = join(dirname(require.resolve("@grpc/grpc-js/package.json")), "build/src");
  expect(readFileSync(join(build, "subchannel-call.js"), "utf8")).toContain("'Stream refused by server'");
  expect(readFileSync(join(build, "load-balancing-call.js"), "utf8")).toContain(
    "'Failed to start HTTP/2 stream with error '",
  );
});

it("adapts clients once", () => {
  adaptHttp2Clients(MAX_HEADER_COUNT);
  const raised = http2.connect;
  adaptHttp2Clients(MAX_HEADER_COUNT);
  expect(http2.connect).toBe(raised);
});

it("tells every call the connection of the address that was picked, also when a slower one comes later", async () => {
  const bytes = (value: Buffer): Buffer => value;
  const path = "/test/test";
  const definition = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  const serve = async (): Promise<[server: Server, address: string]> => {
    const server = new Server();
    server.addService(
      { test: definition },
      { test: (_call: unknown, respond: sendUnaryData<Buffer>) => respond(null, Buffer.alloc(0)) },
    );
    const port = await new Promise<number>((resolve) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_error, bound) => resolve(bound)),
    );
    return [server, `127.0.0.1:${port}`];
  };
  const [[slow, slowAddress], [quick, quickAddress]] = [await serve(), await serve()];
  let goOn: () => void = () => {};
  let late: Socket | undefined;
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
  const credentials = new StreamCredentials<string>(async (socket) => {
    const connection = `${socket.remoteAddress}:${socket.remotePort}`;
    if (connection === slowAddress) {
      await mayGoOn;
      late = socket;
    }
    return { stream: socket, connection };
  }, false);
  const channel = new Channel(`ipv4:${slowAddress},${quickAddress}`, credentials, {
    "grpc.use_local_subchannel_pool": 1,
  });
  const used = (): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      let connection: string | undefined;
      const call = channel.createCall(path, Date.now() + 20_000, undefined, null, undefined);
      call.setCredentials(
        new CallPreparation<string>(async (picked) => {
          connection = picked();
          return new Metadata();
        }),
      );
      call.start(new Metadata(), {
        onReceiveMetadata: () => {},
        onReceiveMessage: () => {},
        onReceiveStatus: ({ code, details }) =>
          code === 0 ? resolve(connection) : reject(new Error(details)),
      });
      call.sendMessageWithContext({}, Buffer.alloc(0));
      call.halfClose();
      call.startRead();
    });
  expect(await used()).toBe(quickAddress);
  goOn();
  while (!late?.bytesWritten) await new Promise(setImmediate); // HTTP/2 runs on it as well
  expect(await used()).toBe(quickAddress);
  channel.close();
  for (const server of [slow, quick]) server.forceShutdown();
});

it("gets every raw connection of a channel, with its descriptor", async () => {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const opened = new Promise<Socket>((resolve) => {
    const credentials = new StreamCredentials(async (socket) => {
      resolve(socket);
      throw new Error("refused by the test");
    }, false);
    const { port } = listener.address() as AddressInfo;
    const channel = new Channel(`dns:127.0.0.1:${port}`, credentials, {});
    channel.getConnectivityState(true);
    channel.watchConnectivityState(connectivityState.CONNECTING, Number.POSITIVE_INFINITY, () =>
      channel.close(),
    );
  });
  const socket = await opened;
  expect(socketDescriptor(socket)).toBeGreaterThan(2);
  await once(socket, "close");
  expect(socketDescriptor(socket)).toBeUndefined();
  listener.close();
});
