// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import {
  type Channel,
  type IdentitySource,
  incomingCall,
  type NetworkServiceElement,
  newOutgoingCall,
  outgoingCall,
  realClock,
  silentLogger,
  type TokenSource,
} from "@nsm/core";
import { requestWith, type TestIdentity, testAuthority, testIdentitySource, testTokens } from "@nsm/testkit";
import { type LinkSecurity, mutualTls } from "../security/index.js";
import { TestSockets } from "../testing/pair.js";

const { signal } = new AbortController();
const root = testAuthority(realClock);
const identityOf = (name: string): TestIdentity =>
  root.issue({ spiffeId: `spiffe://test.com/${name}`, clock: realClock });
const secured = (source: IdentitySource): LinkSecurity =>
  mutualTls(source, { clock: realClock, log: silentLogger });
const tls = (name: string): LinkSecurity => secured(testIdentitySource(identityOf(name), root));

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

const audienceOf = (token: string | undefined): unknown =>
  JSON.parse(Buffer.from(token?.split(".")[1] ?? "", "base64url").toString()).aud;

/** Answers with whom the call's token was for. */
const whoIsMeant: NetworkServiceElement = {
  name: "who-is-meant",
  async request(ctx, { connection }) {
    connection.labels = { audience: String(audienceOf(ctx.get(incomingCall)?.token?.token)) };
    return connection;
  },
};

async function ask(channel: Channel): Promise<{ meant: string | undefined; answered: string | undefined }> {
  const outgoing = newOutgoingCall(channel);
  const ctx = sockets.context.with(outgoingCall, outgoing);
  const { labels } = await channel.networkService.request(ctx, requestWith());
  return { meant: labels.audience, answered: outgoing.peer?.spiffeId };
}

it.each(["tcp", "unix"] as const)(
  "a call over %s whose connection is lost while its token is made carries one for the next connection",
  async (kind) => {
    const serve = (url: URL, name: string) =>
      sockets.serve([url], { networkService: whoIsMeant }, { security: tls(name) });
    const first = await serve(sockets.url(kind), "first");
    const made = testTokens({ clock: realClock });
    let asked: () => void = () => {};
    let give: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const isGiven = new Promise<void>((resolve) => (give = resolve));
    const tokens: TokenSource = {
      async token(link) {
        if (link.peer?.spiffeId === "spiffe://test.com/first") {
          asked();
          await isGiven;
        }
        return made.token(link);
      },
    };
    const connector = sockets.connector({ security: tls("client"), tokens });
    const channel = await connector.connect(first.url, { scope: "own", signal });
    const early = ask(channel);
    await isAsked;
    await first.close({ gracePeriodMs: 0 });
    await serve(first.url, "second");
    const expected = { meant: "spiffe://test.com/second", answered: "spiffe://test.com/second" };
    expect(await ask(channel)).toEqual(expected);
    give();
    expect(await early).toEqual(expected);
    expect(channel.peer?.spiffeId).toBe("spiffe://test.com/second");
  },
);

it("a server that took the place of one that closes descriptors is found out with the first call", async () => {
  const url = sockets.url("unix");
  const connector = sockets.connector({ idleMs: 0 });
  const connect = (): Promise<Channel> => connector.connect(url, { scope: "pooled", signal });
  const ours = await sockets.serve([url], { networkService: { name: "ours" } });
  const learning = await connect();
  await learning.networkService.request(sockets.context, requestWith());
  learning.close();
  await ours.close({ gracePeriodMs: 0 });
  await sockets.serve([url], { networkService: { name: "keeps descriptors" } }, { fdPassing: false });
  const shared = await connect();
  expect(connector.statistics().pooledChannels).toBe(1);
  await shared.networkService.request(sockets.context, requestWith());
  expect(connector.statistics().pooledChannels).toBe(0);
  const [first, second] = [await connect(), await connect()];
  expect(connector.statistics()).toEqual({ channels: 3, pooledChannels: 0 });
  for (const channel of [shared, first, second]) channel.close();
});

it.each(["tcp", "unix"] as const)(
  "all servers restart over %s: those who hold channels and those who dial go on",
  async (kind) => {
    const serve = (url: URL) =>
      sockets.serve([url], { networkService: { name: "x" } }, { security: tls("server") });
    const connector = sockets.connector({ security: tls("client") });
    const urls: URL[] = [];
    const held: Channel[] = [];
    const servers = [];
    for (let i = 0; i < 5; i++) {
      const server = await serve(sockets.url(kind));
      servers.push(server);
      urls.push(server.url);
      for (let user = 0; user < 3; user++) {
        const channel = await connector.connect(server.url, { scope: "pooled", signal });
        await channel.networkService.request(sockets.context, requestWith());
        held.push(channel);
      }
    }
    for (const server of servers) server.kill();
    while (connector.statistics().pooledChannels !== 0) await new Promise(setImmediate);
    for (const url of urls) await serve(url);
    const dialled = await Promise.all(urls.map((url) => connector.connect(url, { scope: "pooled", signal })));
    const calls = [...held, ...dialled].map((channel) =>
      channel.networkService.request(sockets.context, requestWith({ id: "again" })),
    );
    for (const { id } of await Promise.all(calls)) expect(id).toBe("again");
    for (const channel of [...held, ...dialled]) channel.close();
  },
);

it("F-10 after a rotation each call carries a token of the certificate that its connection showed", async () => {
  const [first, second] = [identityOf("client"), identityOf("client")];
  const source = testIdentitySource(first, root);
  const made = testTokens({ clock: realClock });
  /** Serials of the certificates that tokens were made for, by token. */
  const signedFor = new Map<string, string | undefined>();
  const tokens: TokenSource = {
    async token(link) {
      const token = await made.token(link);
      signedFor.set(token.token, link.own?.serial);
      return token;
    },
  };
  const shown: { token: string | undefined; certificate: string }[] = [];
  const { url } = await sockets.serve(
    [sockets.url("tcp")],
    {
      networkService: {
        name: "noting",
        async request(ctx, { connection }) {
          const call = ctx.get(incomingCall);
          const certificate = new X509Certificate(call?.peer?.certificatePem ?? "").serialNumber;
          shown.push({ token: call?.token?.token, certificate: certificate.toLowerCase() });
          return connection;
        },
      },
    },
    { security: tls("server") },
  );
  const connector = sockets.connector({ security: secured(source), tokens });
  const held = await connector.connect(url, { scope: "pooled", signal });
  const call = (channel: Channel) => channel.networkService.request(sockets.context, requestWith());
  await call(held);
  source.rotate(second);
  await call(held);
  const next = await connector.connect(url, { scope: "pooled", signal });
  await call(next);
  const { serial: former } = first.svid;
  const { serial: latter } = second.svid;
  expect(shown.map(({ certificate }) => certificate)).toEqual([former, former, latter]);
  expect(shown.map(({ token = "" }) => signedFor.get(token))).toEqual([former, former, latter]);
  for (const channel of [held, next]) channel.close();
});
