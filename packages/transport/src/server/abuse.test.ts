// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket, type Socket } from "node:net";
import { requestWith } from "@nsm/testkit";
import { insecure, type LinkSecurity } from "../security/index.js";
import { networkServiceWire } from "../services.js";
import { KINDS, TestSockets } from "../testing/pair.js";

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

const open = async (url: URL): Promise<Socket> => {
  const socket =
    url.protocol === "unix:" ? connectSocket(url.pathname) : connectSocket(Number(url.port), url.hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
};

describe.each(KINDS)("a server over %s, %s", (kind, _title, security) => {
  beforeEach(() => {
    sockets = new TestSockets(security);
  });
  it("outlives garbage, connections that vanish and calls that are cut", async () => {
    let reached = 0;
    const server = await sockets.serve([sockets.url(kind)], {
      networkService: {
        name: "stuck-or-not",
        request: (_ctx, request) => {
          reached += 1;
          return request.connection.id === "" ? new Promise(() => {}) : Promise.resolve(request.connection);
        },
      },
    });
    const garbage = Array.from({ length: 30 }, async (_, i) => {
      const socket = await open(server.url);
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.resume();
      socket.write(i % 2 === 0 ? randomBytes(2000) : "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      if (i % 3 === 0) socket.destroy();
      else if (i % 3 === 1) socket.end();
      else if (kind === "tcp") socket.resetAndDestroy();
      else socket.end(randomBytes(100_000));
      await closed;
    });
    const cut = Array.from({ length: 30 }, async () => {
      const socket = await open(server.url);
      const { signal } = sockets.context;
      const { stream: transport } = (await security?.client.dial(socket, { signal })) ?? { stream: socket };
      const session = connectHttp2("http://localhost", { createConnection: () => transport });
      session.on("error", () => {});
      const stream = session.request({
        ":method": "POST",
        ":path": networkServiceWire.request.path,
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => {});
      stream.end(Buffer.alloc(5)); // an empty message
      await new Promise(setImmediate);
      socket.destroy();
    });
    await Promise.all([...garbage, ...cut]);
    while (server.statistics().connections !== 0 || server.statistics().calls !== 0) {
      await new Promise(setImmediate);
    }
    const { signal } = sockets.context;
    const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
    expect((await channel.networkService.request(sockets.context, requestWith({ id: "a" }))).id).toBe("a");
    expect(reached).toBeGreaterThanOrEqual(1);
  });
});

it("a connection that was lost when its handshake ended is forgotten", async () => {
  const lost: LinkSecurity = {
    ...insecure,
    async accept(stream, options) {
      const secured = await insecure.accept(stream, options);
      await once(stream.destroy(), "close");
      return secured;
    },
  };
  const server = await sockets.serve([sockets.url("unix")], {}, { security: lost });
  const socket = await open(server.url);
  await new Promise((resolve) => socket.resume().once("close", resolve));
  while (server.statistics().connections !== 0) await new Promise(setImmediate);
});
