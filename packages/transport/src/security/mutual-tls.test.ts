// SPDX-License-Identifier: Apache-2.0
import { connect as connectSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  type Channel,
  Code,
  incomingCall,
  type NetworkServiceElement,
  newOutgoingCall,
  outgoingCall,
  realClock,
  silentLogger,
} from "@nsm/core";
import { requestWith, type TestIdentity, testIdentity, testIdentitySource } from "@nsm/testkit";
import { checkHealth } from "../client/health.js";
import { TestSockets } from "../testing/pair.js";
import { type LinkSecurity, type MutualTlsOptions, mutualTls } from "./index.js";
import { tlsContext } from "./tls-context.js";

const { signal } = new AbortController();
const identityOf = (name: string): TestIdentity =>
  testIdentity({ spiffeId: `spiffe://test.com/${name}`, clock: realClock });
const [server, client, stranger] = [identityOf("server"), identityOf("client"), identityOf("stranger")];

let sockets: TestSockets;
let refused: string[];
beforeEach(() => {
  sockets = new TestSockets();
  refused = [];
});
afterEach(() => sockets.close());

/** Mutual TLS that notes what it refuses. */
function tls(own: TestIdentity, peers: TestIdentity[], options: Partial<MutualTlsOptions> = {}) {
  const source = testIdentitySource(own, ...peers);
  const warn = (fields: object): void => void refused.push(String(Reflect.get(fields, "error")));
  return {
    source,
    security: mutualTls(source, { clock: realClock, log: { ...silentLogger, warn }, ...options }),
  };
}

/** Answers with who asked. */
const whoAsks: NetworkServiceElement = {
  name: "who-asks",
  async request(ctx, { connection }) {
    const call = ctx.get(incomingCall);
    connection.labels = { peer: call?.peer?.spiffeId ?? "", own: call?.own?.spiffeId ?? "" };
    return connection;
  },
};

const serve = (kind: "unix" | "tcp", security: LinkSecurity) =>
  sockets.serve([sockets.url(kind)], { networkService: whoAsks }, { security });

const dial = (url: URL, security: LinkSecurity): Promise<Channel> =>
  sockets.connector({ security }).connect(url, { scope: "own", signal });

const ask = async (channel: Channel) =>
  (await channel.networkService.request(sockets.context, requestWith({ id: "a" }))).labels;

describe.each(["unix", "tcp"] as const)("mutual TLS over %s", (kind) => {
  it("tells both sides who the other is", async () => {
    const { url } = await serve(kind, tls(server, [client]).security);
    const channel = await dial(url, tls(client, [server]).security);
    expect(await ask(channel)).toEqual({ peer: "spiffe://test.com/client", own: "spiffe://test.com/server" });
    expect(channel.peer?.spiffeId).toBe("spiffe://test.com/server");
  });

  it("refuses a client that the server does not believe, and the log says why", async () => {
    const { url } = await serve(kind, tls(server, [client]).security);
    const asking = dial(url, tls(stranger, [server]).security).then(ask);
    await expect(asking).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(refused).toEqual(["unknown certificate"]);
  });

  it("refuses a server that the client does not believe, naming the reason", async () => {
    const { url } = await serve(kind, tls(stranger, [client]).security);
    await expect(dial(url, tls(client, [server]).security)).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: `failed to dial ${url.href}: unknown certificate`,
    });
  });

  it("a client without TLS is refused, and told apart in the server's log", async () => {
    const { url } = await serve(kind, tls(server, [client]).security);
    await expect(sockets.connector().connect(url, { scope: "own", signal })).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
    expect(refused).toContainEqual(expect.stringMatching(/does not speak TLS; it may run without identity/));
  });

  it("a server without TLS is told as such", async () => {
    const { url } = await sockets.serve([sockets.url(kind)], { networkService: whoAsks });
    await expect(dial(url, tls(client, [server]).security)).rejects.toThrow(
      /failed to dial .*: (the peer does not speak TLS|the peer closed the connection)/,
    );
  });

  it("F-9 answers health over mutual TLS", async () => {
    const { url } = await serve(kind, tls(server, [client]).security);
    const { security } = tls(client, [server]);
    expect(await checkHealth(url, "networkservice.NetworkService", signal, security)).toBe("SERVING");
  });
});

it("a connection that says nothing is closed after the time of a handshake", async () => {
  const { url } = await serve("tcp", tls(server, [client], { handshakeTimeoutMs: 50 }).security);
  const socket = connectSocket(Number(url.port), url.hostname);
  await new Promise((resolve) => socket.once("close", resolve));
  expect(refused).toEqual(["no TLS handshake within 50 ms"]);
});

it("a client without a certificate is refused", async () => {
  const { url } = await serve("tcp", tls(server, [client]).security);
  const socket = connectTls({
    host: url.hostname,
    port: Number(url.port),
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  });
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("close", resolve));
  expect(refused).toEqual(["the peer presented no certificate"]);
});

it("a client without ALPN h2 is refused", async () => {
  const { url } = await serve("tcp", tls(server, [client]).security);
  const socket = connectTls({
    host: url.hostname,
    port: Number(url.port),
    rejectUnauthorized: false,
    secureContext: tlsContext(client.svid),
  });
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("close", resolve));
  expect(refused[0]).toMatch(/does not speak HTTP\/2/);
});

it("F-10 presents the SVID that is current at each handshake; open connections keep theirs", async () => {
  const next = identityOf("client");
  const { url } = await serve("tcp", tls(server, [client, next]).security);
  const { source, security } = tls(client, [server]);
  const former = await dial(url, security);
  source.rotate(next);
  const latter = await dial(url, security);
  for (const channel of [former, latter])
    expect(await ask(channel)).toHaveProperty("peer", "spiffe://test.com/client");
});

it("a rotation takes channels out of the pool; who has one goes on with it", async () => {
  const next = identityOf("client");
  const { url } = await serve("tcp", tls(server, [client, next]).security);
  const { source, security } = tls(client, [server]);
  const connector = sockets.connector({ security });
  const pooled = { scope: "pooled", signal } as const;
  const former = await connector.connect(url, pooled);
  expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 1 });
  source.rotate(next);
  expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 0 });
  const latter = await connector.connect(url, pooled);
  expect(connector.statistics()).toEqual({ channels: 2, pooledChannels: 1 });
  for (const channel of [former, latter]) expect(await ask(channel)).toHaveProperty("peer");
  former.close();
  expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 1 });
});

it("each call knows who answered it, also after the server was replaced by another", async () => {
  const replacement = identityOf("replacement");
  const first = await serve("tcp", tls(server, [client]).security);
  const { security } = tls(client, [server, replacement]);
  const connector = sockets.connector({ security });
  const asked = async (): Promise<string | undefined> => {
    const channel = await connector.connect(first.url, { scope: "pooled", signal });
    const outgoing = newOutgoingCall(channel);
    await channel.networkService.request(sockets.context.with(outgoingCall, outgoing), requestWith());
    channel.close();
    return outgoing.peer?.spiffeId;
  };
  expect(await asked()).toBe("spiffe://test.com/server");
  await first.close({ gracePeriodMs: 0 });
  await sockets.serve(
    [first.url],
    { networkService: whoAsks },
    { security: tls(replacement, [client]).security },
  );
  expect(await asked()).toBe("spiffe://test.com/replacement");
});

it("lets in only who is on the list, when there is one", async () => {
  const { url } = await serve(
    "tcp",
    tls(server, [client, stranger], { allow: ["spiffe://test.com/client"] }).security,
  );
  expect(await ask(await dial(url, tls(client, [server]).security))).toHaveProperty(
    "peer",
    "spiffe://test.com/client",
  );
  await expect(dial(url, tls(stranger, [server]).security).then(ask)).rejects.toMatchObject({
    code: Code.UNAVAILABLE,
  });
  expect(refused).toEqual(["spiffe://test.com/stranger is not among the peers that are allowed"]);
});

it("a flood of refused connections is told ten times in a minute", async () => {
  const { url } = await serve("tcp", tls(server, [client]).security);
  const { security } = tls(stranger, [server]);
  await Promise.allSettled(Array.from({ length: 30 }, () => dial(url, security).then(ask)));
  expect(refused).toHaveLength(10);
});

it("300 handshakes that are broken off leave nothing on the server", async () => {
  const served = await serve("unix", tls(server, [client]).security);
  const broken = Array.from({ length: 300 }, (_, index) => {
    const socket = connectSocket(served.url.pathname);
    socket.on("error", () => {});
    // a piece of a ClientHello, or nothing
    socket.once("connect", () =>
      socket.end(index % 2 === 0 ? Buffer.from("1603010200010001fc0303", "hex") : ""),
    );
    return new Promise((resolve) => socket.once("close", resolve));
  });
  await Promise.all(broken);
  expect(await ask(await dial(served.url, tls(client, [server]).security))).toHaveProperty("peer");
});
