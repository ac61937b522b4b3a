// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, MonitorScopeSelector, State, timestampToMs } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  type Logger,
  type Request,
  silentLogger,
  start,
  type TokenSource,
  withTimeout,
} from "@nsm/core";
import { defaultMasks, policiesFromMasks } from "@nsm/policy";
import { client, endpoint } from "@nsm/sdk";
import {
  admitServer,
  authorizeClient,
  authorizeServer,
  ConnectionHolders,
} from "@nsm/sdk/networkservice/common/authorize";
import { connectServer } from "@nsm/sdk/networkservice/common/connect";
import { monitorAuthorize } from "@nsm/sdk/networkservice/common/monitor-authorize";
import {
  counter,
  es256Tokens,
  hs256Tokens,
  MemoryNetwork,
  requestWith,
  skewedTokens,
  type TestIdentity,
  tamperedTokens,
  testContext,
  testIdentity,
  VirtualClock,
  wrongAudienceTokens,
} from "@nsm/testkit";

const MANAGER = new URL("unix:///nsmgr.sock");
const ENDPOINT = new URL("unix:///nse.sock");

const denied = {
  code: Code.PERMISSION_DENIED,
  message: "networkservice: an error occurred during authorization policy check: no sufficient privileges",
};

interface Options {
  readonly proxies?: (spiffeId: string) => boolean;
  readonly monitorMasks?: readonly string[];
  readonly clientLifetimeMs?: number;
}

/** A client, a manager and an endpoint with identities; both servers and the client ask upstream's default policies. */
function setUp({ proxies, monitorMasks = ["none"], clientLifetimeMs = 600_000 }: Options = {}) {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const network = new MemoryNetwork();
  const identity = (name: string) => testIdentity({ spiffeId: `spiffe://test.com/${name}`, clock });
  const [nsc, nsmgr, nse, thief] = [identity("nsc"), identity("nsmgr"), identity("nse"), identity("thief")];
  const failed: unknown[] = [];
  const log: Logger = { ...silentLogger, warn: (fields) => failed.push("policy" in fields && fields.policy) };
  const policy = (masks: readonly string[]) => policiesFromMasks(masks, { clock, log });
  const connector = (who: TestIdentity, tokens: TokenSource = who.tokens()) =>
    network.connector({ identity: who.peer, tokens });
  const calls = counter();
  const server = policy(defaultMasks.networkServiceServer);
  const last = endpoint({
    ctx,
    name: "nse",
    tokens: nse.tokens(),
    authorize: authorizeServer(server, proxies === undefined ? {} : { proxies }),
    elements: [calls],
  });
  network.listen(ENDPOINT, last, ctx, { identity: nse.peer });
  const holders = new ConnectionHolders();
  const middle = endpoint({
    ctx,
    name: "nsmgr",
    tokens: nsmgr.tokens(),
    admit: admitServer({ holders }),
    authorize: authorizeServer(server, { holders }),
    authorizeMonitor: (inner) => monitorAuthorize(inner, { policy: policy(monitorMasks), holders }),
    elements: [
      connectServer(
        client({ ctx, name: "nsmgr", url: ENDPOINT, connector: connector(nsmgr), refresh: false }),
      ),
    ],
  });
  network.listen(MANAGER, middle, ctx, { identity: nsmgr.peer });
  const clientOf = (who: TestIdentity, lifetimeMs = clientLifetimeMs) =>
    start(
      client({
        ctx,
        name: who.peer.spiffeId,
        url: MANAGER,
        connector: connector(who, who.tokens({ lifetimeMs })),
        authorize: authorizeClient(policy(defaultMasks.networkServiceClient)),
      }),
    );
  /** A bare channel, on which a thief sends what it likes. */
  const channel = (url: URL, who: TestIdentity, tokens?: TokenSource) =>
    connector(who, tokens).connect(url, { scope: "own", signal: ctx.signal });
  return { clock, ctx, network, nsc, nsmgr, nse, thief, calls, holders, failed, clientOf, channel };
}

const asking = (id = "conn"): Request => requestWith({ id, networkService: "ns" });

/** What a client of one hop sends. */
const fromClient = (id = "conn"): Request =>
  requestWith({ id, networkService: "ns", path: { index: 0, pathSegments: [{ name: "nsc", id }] } });

const tokenFor = async (from: TestIdentity, to: TestIdentity): Promise<string> =>
  (await from.tokens().token({ peer: to.peer, own: undefined })).token;

const limited = (ctx: Context, timeoutMs = 15_000): Context => withTimeout(ctx, timeoutMs).ctx;

describe("under the default policies", () => {
  it("an honest client connects over three hops, refreshes and closes", async () => {
    const { ctx, clientOf, nsc, calls, holders } = setUp();
    const user = clientOf(nsc);
    const connection = await user.request(limited(ctx), asking());
    expect(connection.path.pathSegments).toHaveLength(3);
    await user.request(limited(ctx), { connection, mechanismPreferences: [] });
    expect(holders.size).toBe(1);
    await user.close(limited(ctx), connection);
    expect([calls.requests, calls.closes, holders.size]).toEqual([2, 1, 0]);
  });

  it("A-6 the connection of a dead client is closed once, before its token expires", async () => {
    const { ctx, clock, nsc, channel, calls } = setUp();
    const { networkService } = await channel(MANAGER, nsc, nsc.tokens({ lifetimeMs: 2000 }));
    await networkService.request(limited(ctx, 1500), fromClient());
    await clock.advance(499);
    expect(calls.closes).toBe(0);
    await clock.advance(1501);
    expect(calls.closes).toBe(1);
    await clock.advance(600_000);
    expect(calls.closes).toBe(1);
  });

  it("a late Close that the manager fires itself passes its own check, whatever has expired", async () => {
    const { ctx, clock, nsc, channel, holders } = setUp();
    const { networkService } = await channel(MANAGER, nsc, nsc.tokens({ lifetimeMs: 2000 }));
    await networkService.request(ctx, fromClient()); // without deadline: the timer fires at the very expiry
    expect(holders.size).toBe(1);
    await clock.advance(2000);
    expect(holders.size).toBe(0);
  });
});

describe("refused are", () => {
  const chained = "common/tokens_chained.rego";
  const expired = "common/tokens_expired.rego";
  const signed = "server/prev_token_signed.rego";

  it.each<[string, string, (parts: ReturnType<typeof setUp>) => TokenSource]>([
    ["calls without a token", chained, () => ({ token: async () => ({ token: "", expiresMs: 0 }) })],
    ["tokens for somebody else", chained, ({ clock }) => wrongAudienceTokens({ clock })],
    [
      "tokens whose audience is text",
      chained,
      ({ nsc }) => nsc.tokens({ audience: (peer) => peer?.spiffeId }),
    ],
    [
      "tokens for several readers",
      chained,
      ({ nsc }) => nsc.tokens({ audience: (peer) => [peer?.spiffeId, "x"] }),
    ],
    ["tokens for nobody", chained, ({ nsc }) => nsc.tokens({ audience: () => undefined })],
    ["tokens that have expired", expired, ({ nsc }) => nsc.tokens({ lifetimeMs: -1 })],
    ["tokens of a clock far behind", expired, ({ clock }) => skewedTokens({ clock }, -3_600_001)],
    [
      "tokens signed with another key",
      signed,
      ({ clock, nsc, thief }) =>
        es256Tokens({ clock, subject: nsc.peer.spiffeId, privateKey: thief.privateKey }),
    ],
    [
      "tokens signed with a shared secret",
      signed,
      ({ clock, nsc }) => hs256Tokens({ clock, subject: nsc.peer.spiffeId }),
    ],
    [
      "tokens changed after signing",
      signed,
      ({ nsc }) => tamperedTokens(nsc.tokens({ lifetimeMs: 1 }), { exp: 9e9 }),
    ],
  ])("%s (%s)", async (_title, policy, tokensOf) => {
    const parts = setUp();
    const { networkService } = await parts.channel(MANAGER, parts.nsc, tokensOf(parts));
    await expect(networkService.request(limited(parts.ctx), fromClient())).rejects.toMatchObject(denied);
    expect(parts.failed).toEqual([policy]);
    expect([parts.calls.requests, parts.holders.size]).toEqual([0, 0]);
  });

  it("callers without an identity", async () => {
    const { ctx, network, nsc, calls } = setUp();
    const nobody = network.connector({ tokens: nsc.tokens() });
    const { networkService } = await nobody.connect(MANAGER, { scope: "own", signal: ctx.signal });
    await expect(networkService.request(limited(ctx), fromClient())).rejects.toMatchObject(denied);
    expect(calls.requests).toBe(0);
  });

  it("T6 a token of the client for the manager, used by another peer", async () => {
    const { ctx, nsc, nsmgr, thief, channel } = setUp();
    const token = await tokenFor(nsc, nsmgr);
    const stolen: TokenSource = { token: async () => ({ token, expiresMs: Number.MAX_SAFE_INTEGER }) };
    const { networkService } = await channel(MANAGER, thief, stolen);
    await expect(networkService.request(limited(ctx), fromClient())).rejects.toMatchObject(denied);
  });

  it("T6 a token of the client for the manager, replayed at the endpoint", async () => {
    const { ctx, nsc, nsmgr, channel } = setUp();
    const token = await tokenFor(nsc, nsmgr);
    const replayed: TokenSource = { token: async () => ({ token, expiresMs: Number.MAX_SAFE_INTEGER }) };
    const { networkService } = await channel(ENDPOINT, nsc, replayed);
    await expect(networkService.request(limited(ctx), fromClient())).rejects.toMatchObject(denied);
  });

  it.each([
    ["empty", { index: 0, pathSegments: [] }],
    ["without a segment of the caller", { index: 0, pathSegments: [{ name: "nsmgr", id: "conn" }] }],
  ])("T1 a path that is %s, with an answer instead of a crash", async (_title, path) => {
    const { ctx, thief, channel } = setUp();
    const { networkService } = await channel(MANAGER, thief);
    await expect(
      networkService.request(limited(ctx), requestWith({ id: "conn", networkService: "ns", path })),
    ).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});

describe("T7 a header that states a late end of the token", () => {
  it("T7 does not keep the connection of a client that is gone", async () => {
    const { ctx, clock, nsc, channel, calls, holders } = setUp();
    const honest = nsc.tokens({ lifetimeMs: 60_000 });
    const greedy: TokenSource = {
      token: async (link) => ({ ...(await honest.token(link)), expiresMs: Number.MAX_SAFE_INTEGER }),
    };
    const { networkService } = await channel(MANAGER, nsc, greedy);
    const { path } = await networkService.request(limited(ctx), fromClient());
    expect(timestampToMs(path.pathSegments[0]!.expires!)).toBe(clock.now() + 60_000);
    await clock.advance(60_000);
    expect([calls.closes, holders.size]).toEqual([1, 0]);
  });

  it("T7 does not keep it beyond the client's certificate", async () => {
    const { ctx, nsc, channel } = setUp();
    const year = nsc.tokens({ lifetimeMs: 365 * 86_400_000 });
    const { networkService } = await channel(MANAGER, nsc, year);
    const { path } = await networkService.request(limited(ctx), fromClient());
    expect(timestampToMs(path.pathSegments[0]!.expires!)).toBe(nsc.peer.notAfterMs);
  });
});

describe("T16 a path that is too long", () => {
  it("T16 is refused by whoever it reaches", async () => {
    const { ctx, thief, channel, calls } = setUp();
    const pathSegments = Array.from({ length: 65 }, (_, i) => ({ name: `hop-${i}`, id: `id-${i}` }));
    const request = () => requestWith({ id: "id-3", networkService: "ns", path: { index: 3, pathSegments } });
    for (const url of [MANAGER, ENDPOINT]) {
      const { networkService } = await channel(url, thief);
      const refused = { code: Code.INVALID_ARGUMENT, message: "path is longer than 64 segments" };
      await expect(networkService.request(limited(ctx), request())).rejects.toMatchObject(refused);
      await expect(networkService.close(limited(ctx), request().connection)).rejects.toMatchObject(refused);
    }
    expect(calls.requests).toBe(0);
  });
});

describe("T4 a path whose first hop is made up", () => {
  /** The thief passes on, for a client that never called it, a token that it made itself. */
  async function forged({ thief, nse }: ReturnType<typeof setUp>): Promise<Request> {
    const invented = await testIdentity({ spiffeId: "spiffe://test.com/nsc", clock: new VirtualClock() })
      .tokens({ lifetimeMs: 3_600_000 })
      .token({ peer: thief.peer, own: undefined });
    return requestWith({
      id: "b",
      networkService: "ns",
      path: {
        index: 1,
        pathSegments: [
          { name: "nsc", id: "a", token: invented.token },
          { name: "thief", id: "b", token: await tokenFor(thief, nse) },
        ],
      },
    });
  }

  it("T4 passes without a list of proxies: only the last hop is signed", async () => {
    const parts = setUp();
    const { networkService } = await parts.channel(ENDPOINT, parts.thief);
    await networkService.request(limited(parts.ctx), await forged(parts));
    expect(parts.calls.requests).toBe(1);
  });

  it("T4 is refused with one, which lets the manager's pass", async () => {
    const parts = setUp({ proxies: (id) => id === "spiffe://test.com/nsmgr" });
    const { networkService } = await parts.channel(ENDPOINT, parts.thief);
    await expect(networkService.request(limited(parts.ctx), await forged(parts))).rejects.toMatchObject(
      denied,
    );
    await parts.clientOf(parts.nsc).request(limited(parts.ctx), asking());
    expect(parts.calls.requests).toBe(1);
  });
});

describe("a refused answer", () => {
  it("of a server that shows another certificate than its tokens' is closed again", async () => {
    const { ctx, clock, network, nsc, nsmgr, thief } = setUp();
    const calls = counter();
    const url = new URL("unix:///impostor.sock");
    const impostor = endpoint({ ctx, name: "nsmgr", tokens: nsmgr.tokens(), elements: [calls] });
    network.listen(url, impostor, ctx, { identity: thief.peer });
    const user = start(
      client({
        ctx,
        name: "nsc",
        url,
        connector: network.connector({ identity: nsc.peer, tokens: nsc.tokens() }),
        authorize: authorizeClient(policiesFromMasks(defaultMasks.networkServiceClient, { clock })),
      }),
    );
    await expect(user.request(limited(ctx), asking())).rejects.toMatchObject(denied);
    expect([calls.requests, calls.closes, network.channels]).toEqual([1, 1, 0]);
  });
});

describe("SEC-04 a connection whose ids are known to another peer", () => {
  it("is neither changed, closed, forgotten nor selected anew by it", async () => {
    const parts = setUp();
    const { ctx, nsc, thief, channel, calls, holders, clock } = parts;
    const user = parts.clientOf(nsc, 60_000);
    const connection = await user.request(limited(ctx), asking());
    const { networkService } = await channel(MANAGER, thief);
    const stolen = (state = State.UP): Connection => ({
      ...requestWith({ id: "conn", networkService: "ns", state }).connection,
      path: { index: 0, pathSegments: connection.path.pathSegments.map((segment) => ({ ...segment })) },
    });
    for (const state of [State.UP, State.RESELECT_REQUESTED]) {
      await expect(networkService.close(limited(ctx), stolen(state))).rejects.toMatchObject(denied);
      const request = { connection: stolen(state), mechanismPreferences: [] };
      await expect(networkService.request(limited(ctx), request)).rejects.toMatchObject(denied);
    }
    expect([calls.requests, calls.closes, holders.size]).toEqual([1, 0, 1]);
    await clock.advance(600_000); // its client refreshes as ever
    expect(calls.closes).toBe(0);
    expect(calls.requests).toBeGreaterThan(10);
    expect(calls.uniqueRequests).toBe(1);
    await user.close(limited(ctx), connection);
    expect([calls.closes, holders.size]).toEqual([1, 0]);
  });
});

describe("connection events", () => {
  async function first(
    service: Awaited<ReturnType<ReturnType<typeof setUp>["channel"]>>,
    ctx: Context,
    ...ids: string[]
  ) {
    const selector = MonitorScopeSelector.fromPartial({ pathSegments: ids.map((id) => ({ id })) });
    const call = limited(ctx);
    for await (const event of service.monitor.monitorConnections(call, selector)) return event;
    throw new Error("no event");
  }
  const tokens = (event: ConnectionEvent): string[] =>
    Object.values(event.connections).flatMap((connection) =>
      ((connection as Connection | undefined)?.path?.pathSegments ?? []).map(({ token }) => token),
    );

  it("T12 go to whom the policy names: the holder of the connection", async () => {
    const parts = setUp({ monitorMasks: defaultMasks.monitor });
    const connection = await parts.clientOf(parts.nsc).request(limited(parts.ctx), asking());
    const own = connection.path.pathSegments[0]?.id ?? "";
    const event = await first(await parts.channel(MANAGER, parts.nsc), parts.ctx, own);
    expect(Object.keys(event.connections)).toHaveLength(1);
    for (const [who, ids] of [
      [parts.thief, [own]],
      [parts.nsc, []],
    ] as const) {
      await expect(first(await parts.channel(MANAGER, who), parts.ctx, ...ids)).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
        message: "monitor: an error occurred during authorization policy check: no sufficient privileges",
      });
    }
  });

  it("T12 show others no tokens when everybody may follow them", async () => {
    const parts = setUp();
    await parts.clientOf(parts.nsc).request(limited(parts.ctx), asking());
    const seen = async (who: TestIdentity) =>
      tokens(await first(await parts.channel(MANAGER, who), parts.ctx));
    expect((await seen(parts.nsc)).every((token) => token !== "")).toBe(true);
    expect(await seen(parts.thief)).toEqual(["", "", ""]);
  });
});
