// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, createServer } from "node:http2";
import { connect as connectTls, TLSSocket } from "node:tls";
import { Bench, readBytes, until } from "./fixtures/harness.js";
import { fdpassStatistics } from "./index.js";

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().start();
});
afterEach(() => bench.stop());

const post = async (session: ClientHttp2Session, body: string): Promise<string> => {
  const request = session.request({ ":method": "POST", ":path": "/" });
  request.setEncoding("utf8").end(body);
  let answer = "";
  for await (const piece of request) answer += String(piece);
  return answer;
};

it("carries HTTP/2 with 100 requests at once, and the end of the client ends both sides", async () => {
  const { client, server } = await bench.pair();
  const http = createServer();
  http.on("stream", (stream) => {
    stream.respond();
    stream.pipe(stream);
  });
  http.emit("connection", server);
  const session = connectHttp2("http://fd", { createConnection: () => client });
  const bodies = Array.from({ length: 100 }, (_, i) => `${i} `.repeat(2000));
  expect(await Promise.all(bodies.map((body) => post(session, body)))).toEqual(bodies);
  for (let i = 0; i < 100; i++) expect(await post(session, `${i}`)).toBe(`${i}`);
  session.close();
  await until(() => fdpassStatistics().connections === 0);
});

it("fails calls in flight at once when the server side goes away", async () => {
  const { client, server } = await bench.pair();
  const http = createServer();
  http.on("stream", () => server.destroy());
  http.emit("connection", server);
  const session = connectHttp2("http://fd", { createConnection: () => client });
  session.on("error", () => {});
  const failed = post(session, "never answered").then(
    (answer) => answer,
    () => "failed",
  );
  await once(session, "close");
  expect(["", "failed"]).toContain(await failed);
  await until(() => fdpassStatistics().connections === 0);
});

it("carries TLS, whose end is seen on both sides", async () => {
  const { client, server } = await bench.pair();
  const psk = Buffer.alloc(32, 1);
  const common = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const;
  const serverTls = new TLSSocket(server, { isServer: true, ...common, pskCallback: () => psk } as never);
  serverTls.pipe(serverTls);
  const clientTls = connectTls({
    socket: client,
    ...common,
    pskCallback: () => ({ psk, identity: "test" }),
    checkServerIdentity: () => undefined,
  });
  await once(clientTls, "secureConnect");
  const bytes = Buffer.alloc(1_500_000, 5);
  clientTls.write(bytes);
  expect((await readBytes(clientTls as never, bytes.length)).equals(bytes)).toBe(true);
  const closed = Promise.all([once(client, "close"), once(server, "close")]);
  clientTls.destroy();
  await closed;
  expect(fdpassStatistics().connections).toBe(0);
});
