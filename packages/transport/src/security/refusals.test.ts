// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from "node:net";
import { Code, realClock, silentLogger } from "@nsm/core";
import { type TestIdentity, testAuthority, testIdentitySource } from "@nsm/testkit";
import { TestSockets } from "../testing/pair.js";
import { type Listening, presented, rawServer, tlsServer } from "../testing/peers.js";
import { type LinkSecurity, mutualTls } from "./index.js";
import { describeEarlyEnd, describeTlsError } from "./tls-errors.js";

const { signal } = new AbortController();
const [root, other] = [testAuthority(realClock), testAuthority(realClock, "other root")];
const identityOf = (name: string, authority = root): TestIdentity =>
  authority.issue({ spiffeId: `spiffe://test.com/${name}`, clock: realClock });
const [server, client] = [identityOf("server"), identityOf("client")];
const tls = (own: TestIdentity, handshakeTimeoutMs = 10_000): LinkSecurity =>
  mutualTls(testIdentitySource(own, root), { clock: realClock, log: silentLogger, handshakeTimeoutMs });

let sockets: TestSockets;
let peer: Listening | undefined;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(async () => {
  peer?.close();
  peer = undefined;
  await sockets.close();
});

/** The error of a dial, without its beginning. */
async function refusal(url: URL, security?: LinkSecurity): Promise<string> {
  const connector = sockets.connector({ ...(security && { security }) });
  const error: unknown = await connector
    .connect(url, { scope: "own", signal })
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: Code.UNAVAILABLE, reason: "DIAL" });
  expect(connector.statistics()).toEqual({ channels: 0, pooledChannels: 0 });
  const [start, text] = [`failed to dial ${url.href}: `, (error as Error).message];
  expect(text.slice(0, start.length)).toBe(start);
  return text.slice(start.length);
}

describe.each(["unix", "tcp"] as const)("a dial over %s tells", (kind) => {
  it("that the server did not accept the identity", async () => {
    const { url } = await sockets.serve([sockets.url(kind)], {}, { security: tls(server) });
    expect(await refusal(url, tls(identityOf("stranger", other)))).toBe(
      "the peer closed the connection right after the handshake; it may not accept spiffe://test.com/stranger",
    );
  });

  it("what fails once the handshake is over", async () => {
    const { accept } = tls(server);
    const breaking: LinkSecurity["accept"] = async (stream, options) => {
      await accept(stream, options);
      stream.write(Buffer.concat([Buffer.from([23, 3, 3, 0, 50]), Buffer.alloc(50, 7)])); // below TLS
      return new Promise(() => {});
    };
    const { url } = await sockets.serve(
      [sockets.url("unix")],
      {},
      { security: { ...tls(server), accept: breaking } },
    );
    expect(await refusal(url, tls(client))).toBe("TLS failed: decryption failed or bad record mac");
  });

  it("that the server wants an identity", async () => {
    const { url } = await sockets.serve([sockets.url(kind)], {}, { security: tls(server) });
    expect(await refusal(url)).toBe("the peer closed the connection at once; it may want an identity (TLS)");
  });

  it("that the server has no identity", async () => {
    const { url } = await sockets.serve([sockets.url(kind)], {});
    expect(await refusal(url, tls(client))).toBe(
      "the peer does not speak TLS; it may run without identity (NSM_INSECURE=true) (ERR_SSL_WRONG_VERSION_NUMBER)",
    );
  });

  it.each<[string, object, string]>([
    ["no ALPN", {}, "the peer does not speak HTTP/2 (ALPN h2)"],
    [
      "other protocols by ALPN",
      { ALPNProtocols: ["http/1.1"] },
      "the peer does not speak HTTP/2 (ALPN h2) (ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)",
    ],
    [
      "only old TLS",
      { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
      "the peer speaks no TLS 1.2 or newer (ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION)",
    ],
  ])("that the server has %s", async (_title, options, text) => {
    peer = await tlsServer(sockets.url(kind), { ...presented(server), ...options });
    expect(await refusal(peer.url, tls(client))).toBe(text);
  });

  const NEVER = "no TLS handshake within 100 ms";
  const alert = (description: number): Buffer => Buffer.from([21, 3, 3, 0, 2, 2, description]); // RFC 8446, 6
  it.each<[string, (socket: Socket) => void, string | RegExp]>([
    [
      "is not TLS at all",
      (socket) => socket.write("220 mail.test.com ready\r\n"),
      /^the peer does not speak TLS;/,
    ],
    ["ends", (socket) => socket.end(), /^the peer cut the connection during the handshake/],
    [
      "is a refusal of the certificate",
      (socket) => socket.write(alert(42)),
      "the peer refused our certificate (ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE)",
    ],
    ["never comes", () => {}, NEVER],
    [
      "is garbage",
      (socket) => socket.write(Buffer.concat([Buffer.from([22, 3, 3, 0, 50]), Buffer.alloc(50, 7)])),
      "TLS failed: unexpected message",
    ],
  ])("that the answer %s", async (_title, answer, text) => {
    peer = await rawServer(sockets.url(kind), (socket) => socket.once("data", () => answer(socket)));
    const told = await refusal(peer.url, tls(client, text === NEVER ? 100 : undefined));
    expect(told).toEqual(typeof text === "string" ? text : expect.stringMatching(text));
  });
});

it("what fails in the very moment the handshake ends is a failed dial like any other", async () => {
  const { url } = await sockets.serve([sockets.url("unix")], {}, { security: tls(server) });
  const broken = Buffer.concat([Buffer.from([23, 3, 3, 0, 50]), Buffer.alloc(50, 7)]);
  peer = await rawServer(sockets.url("unix"), (socket) => {
    const behind = connect(url.pathname).on("error", () => {});
    socket.pipe(behind);
    behind.once("data", (flight) => socket.write(Buffer.concat([flight, broken])));
    socket.once("close", () => behind.destroy());
  });
  expect(await refusal(peer.url, tls(client))).toBe("TLS failed: decryption failed or bad record mac");
});

it("alerts after the handshake are told, other ends are not taken for alerts", () => {
  const alert = Object.assign(new Error("alert"), { code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA" });
  expect(describeEarlyEnd("spiffe://test.com/a", alert)).toMatch(/does not know the authority/);
  const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  expect(describeEarlyEnd("spiffe://test.com/a", reset)).toMatch(/may not accept spiffe:\/\/test\.com\/a$/);
});

it("an unknown failure keeps OpenSSL's reason and loses its number of the thread", () => {
  const error = Object.assign(new Error("80AB:error:0A:SSL routines::odd thing:x.c:1"), {
    code: "ERR_SSL_ODD_THING",
    reason: "odd thing",
  });
  expect(describeTlsError(error)).toBe("TLS failed: odd thing");
});
