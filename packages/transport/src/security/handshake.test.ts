// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import {
  Code,
  incomingCall,
  type NetworkServiceElement,
  realClock,
  silentLogger,
  withCancel,
} from "@nsm/core";
import { requestWith, type TestIdentity, testAuthority, testIdentitySource } from "@nsm/testkit";
import { TestSockets } from "../testing/pair.js";
import { presented, rawServer, rawSocket, tlsClient, tlsServer } from "../testing/peers.js";
import { type LinkSecurity, type MutualTlsOptions, mutualTls } from "./index.js";

const { signal } = new AbortController();
const root = testAuthority(realClock);
const identityOf = (name: string, authority = root): TestIdentity =>
  authority.issue({ spiffeId: `spiffe://test.com/${name}`, clock: realClock });
const [server, client] = [identityOf("server"), identityOf("client")];

let sockets: TestSockets;
let refused: { from: string; error: string }[];
let told: () => void;
beforeEach(() => {
  sockets = new TestSockets();
  refused = [];
  told = () => {};
});
afterEach(() => sockets.close());

function tls(own: TestIdentity, options: Partial<MutualTlsOptions> = {}): LinkSecurity {
  const warn = (fields: object): void => {
    refused.push(fields as { from: string; error: string });
    told();
  };
  return mutualTls(testIdentitySource(own, root), {
    clock: realClock,
    log: { ...silentLogger, warn },
    ...options,
  });
}

const refusals = async (count: number): Promise<string[]> => {
  while (refused.length < count) await new Promise<void>((resolve) => (told = resolve));
  return refused.map(({ error }) => error);
};

const whoAsks: NetworkServiceElement = {
  name: "who-asks",
  async request(ctx, { connection }) {
    connection.labels = { peer: ctx.get(incomingCall)?.peer?.spiffeId ?? "" };
    return connection;
  },
};

const serve = (kind: "unix" | "tcp", options: Partial<MutualTlsOptions> = {}) =>
  sockets.serve([sockets.url(kind)], { networkService: whoAsks }, { security: tls(server, options) });

const asks = async (url: URL, own = client): Promise<string | undefined> => {
  const channel = await sockets.connector({ security: tls(own) }).connect(url, { scope: "own", signal });
  const { labels } = await channel.networkService.request(sockets.context, requestWith());
  return labels.peer;
};

describe("a server", () => {
  it.each(["TLSv1.2", "TLSv1.3"] as const)("never resumes a session in %s", async (version) => {
    const { url } = await serve("tcp");
    const versions = { minVersion: version, maxVersion: version };
    const first = await tlsClient(url, { ...presented(client), ...versions });
    expect(first).toMatchObject({ connected: true, session: expect.any(Buffer) });
    // whoever got hold of the session has no certificate
    const { session = Buffer.alloc(0) } = first;
    const second = await tlsClient(url, { ...versions, session });
    expect(second.resumed).toBe(false);
    expect(await refusals(1)).toEqual(["the peer presented no certificate"]);
  });

  it("does not let a client of TLS 1.2 negotiate again, as another one perhaps", async () => {
    const { url } = await serve("tcp");
    const socket = connectTls({
      socket: await rawSocket(url),
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
      maxVersion: "TLSv1.2",
      ...presented(client),
    });
    socket.resume();
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const ended = new Promise((resolve) => socket.once("close", () => resolve("closed")));
    const again = new Promise((resolve) => socket.renegotiate({}, resolve));
    expect(await Promise.race([ended, again])).toBe("closed");
    socket.destroy();
  });

  it.each<[string, ConnectionOptions, RegExp]>([
    [
      "TLS 1.1",
      { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" },
      /TLS 1\.2 or newer/,
    ],
    [
      "a suite that HTTP/2 forbids",
      { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA" },
      /no cipher suite/,
    ],
    ["another protocol by ALPN", { ALPNProtocols: ["http/1.1"] }, /does not speak HTTP\/2/],
  ])("refuses %s", async (_title, options, reason) => {
    const { url } = await serve("tcp");
    const attempt = await tlsClient(url, { ...presented(client), ...options });
    expect(attempt.connected).toBe(false);
    expect(await refusals(1)).toEqual([expect.stringMatching(reason)]);
  });

  it.each([
    ["begins a ClientHello", Buffer.from("1603010200010001fc0303", "hex")],
    ["says nothing", Buffer.alloc(0)],
  ])("closes a connection that %s and no more, after the time of a handshake", async (_title, bytes) => {
    const { url } = await serve("unix", { handshakeTimeoutMs: 50 });
    const socket = await rawSocket(url);
    socket.write(bytes);
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(refused).toEqual([
      {
        from: expect.stringMatching(`^fd:\\d+ of process ${process.pid}$`),
        error: "no TLS handshake within 50 ms",
      },
    ]);
  });

  it("does not tell of connections that end without a word", async () => {
    const served = await serve("tcp");
    const probe = await rawSocket(served.url);
    while (served.statistics().connections === 0) await new Promise(setImmediate);
    probe.resume().end();
    await new Promise((resolve) => probe.once("close", resolve));
    const garbage = await rawSocket(served.url);
    garbage.resume().end(randomBytes(100));
    await new Promise((resolve) => garbage.once("close", resolve));
    while (served.statistics().connections !== 0) await new Promise(setImmediate);
    expect(refused).toEqual([
      { from: expect.stringMatching(/^tcp:127\.0\.0\.1:\d+$/), error: expect.stringContaining("TLS") },
    ]);
  });

  it("gives up the oldest of too many handshakes, and serves whoever speaks", async () => {
    const served = await sockets.serve(
      [sockets.url("unix")],
      { networkService: whoAsks },
      { security: tls(server), maxHandshakes: 20 },
    );
    const silent = [];
    for (let i = 0; i < 60; i++) silent.push(await rawSocket(served.url));
    expect(await asks(served.url)).toBe("spiffe://test.com/client");
    expect(served.statistics().connections).toBe(20); // the one that is served, and 19
    expect(await refusals(10)).toEqual(Array(10).fill("too many handshakes at a time"));
    for (const socket of silent.slice(0, 41))
      if (!socket.destroyed) await new Promise((resolve) => socket.resume().once("close", resolve));
    expect(silent.at(-1)?.destroyed).toBe(false);
    for (const socket of silent) socket.destroy();
    while (served.statistics().connections !== 1) await new Promise(setImmediate);
  });
});

it.each(["unix", "tcp"] as const)("intermediates travel with the leaf, both ways, over %s", async (kind) => {
  const middle = root.intermediate("test intermediate").intermediate("test issuer");
  const { url } = await sockets.serve(
    [sockets.url(kind)],
    { networkService: whoAsks },
    { security: tls(identityOf("server", middle)) },
  );
  expect(await asks(url, identityOf("deep client", middle))).toBe("spiffe://test.com/deep client");
});

it.each(["TLSv1.2", "TLSv1.3"] as const)(
  "a client presents its SVID in %s whatever authorities the server names",
  async (maxVersion) => {
    const named = testAuthority(realClock, "another root").certificate.toString();
    let show: (certificate: unknown) => void = () => {};
    const shown = new Promise((resolve) => {
      show = resolve;
    });
    const options = {
      ...presented(server),
      ca: [named],
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
      maxVersion,
    };
    const other = await tlsServer(sockets.url("tcp"), options, (socket) => show(socket.getPeerCertificate()));
    const waiting = withCancel(sockets.context);
    const dialled = sockets
      .connector({ security: tls(client) })
      .connect(other.url, { scope: "own", signal: waiting.ctx.signal });
    const failed = expect(dialled).rejects.toMatchObject({ code: Code.CANCELLED });
    expect(await shown).toMatchObject({ subjectaltname: "URI:spiffe://test.com/client" });
    waiting.cancel();
    await failed;
    other.close();
  },
);

describe.each(["unix", "tcp"] as const)("a dial over %s", (kind) => {
  it("that is given up during the handshake closes the connection at once", async () => {
    let accepted: () => void = () => {};
    let closed: () => void = () => {};
    const [isAccepted, isClosed] = [
      new Promise<void>((resolve) => (accepted = resolve)),
      new Promise<void>((resolve) => (closed = resolve)),
    ];
    const silent = await rawServer(sockets.url(kind), (socket) => {
      socket.resume().once("data", accepted).once("close", closed);
    });
    const waiting = withCancel(sockets.context);
    const connector = sockets.connector({ security: tls(client, { handshakeTimeoutMs: 3_600_000 }) });
    const dialled = connector.connect(silent.url, { scope: "pooled", signal: waiting.ctx.signal });
    await isAccepted;
    waiting.cancel();
    await expect(dialled).rejects.toMatchObject({ code: Code.CANCELLED });
    await connector.close();
    await isClosed;
    silent.close();
  });

  it("can be given up at any moment", async () => {
    const served = await serve(kind);
    const connector = sockets.connector({ security: tls(client) });
    for (let turns = 0; turns < 120; turns++) {
      const waiting = withCancel(sockets.context);
      const dialled = connector.connect(served.url, { scope: "own", signal: waiting.ctx.signal }).then(
        (channel) => channel.close(),
        () => {},
      );
      for (let turn = 0; turn < turns % 40; turn++) await new Promise(setImmediate);
      waiting.cancel();
      await dialled;
    }
    while (served.statistics().connections !== 0) await new Promise(setImmediate);
    expect(connector.statistics()).toEqual({ channels: 0, pooledChannels: 0 });
  });
});
