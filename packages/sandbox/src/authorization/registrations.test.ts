// SPDX-License-Identifier: Apache-2.0
import { MetadataKey, newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  type Channel,
  Code,
  type Context,
  endpointKind,
  findAll,
  networkServiceKind,
  newOutgoingCall,
  outgoingCall,
  startRegistry,
  type TokenSource,
  withTimeout,
} from "@nsm/core";
import { defaultMasks, policiesFromMasks } from "@nsm/policy";
import { nsmgrRegistry, registryClient, registryServer } from "@nsm/sdk";
import { authorizeServer } from "@nsm/sdk/registry/common/authorize";
import {
  es256Tokens,
  MemoryNetwork,
  type TestIdentity,
  testContext,
  testIdentity,
  VirtualClock,
} from "@nsm/testkit";

const REGISTRY = new URL("tcp://registry:5002");
const MANAGER = new URL("unix:///nsmgr.sock");

const denied = {
  code: Code.PERMISSION_DENIED,
  message: "registry: an error occurred during authorization policy check: no sufficient privileges",
};

/** A registry and a manager with identities; every server and client asks upstream's default policies. */
function setUp({ proxies }: { readonly proxies?: (spiffeId: string) => boolean } = {}) {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const network = new MemoryNetwork();
  const identity = (name: string) => testIdentity({ spiffeId: `spiffe://test.com/${name}`, clock });
  const [nse, nsmgr, registry, thief] = [
    identity("nse"),
    identity("nsmgr"),
    identity("registry"),
    identity("thief"),
  ];
  const connector = (who: TestIdentity, tokens: TokenSource = who.tokens()) =>
    network.connector({ identity: who.peer, tokens });
  const server = policiesFromMasks(defaultMasks.registryServer, { clock });
  const authorizing = policiesFromMasks(defaultMasks.registryClient, { clock });
  const options = proxies === undefined ? {} : { proxies };
  const registries = registryServer({
    ctx,
    tokens: registry.tokens(),
    connector: connector(registry),
    authorizeServer: {
      networkServices: authorizeServer(server, options),
      endpoints: authorizeServer(server, options),
    },
  });
  network.listen(REGISTRY, registries, ctx, { identity: registry.peer });
  const manager = nsmgrRegistry({
    ctx,
    tokens: nsmgr.tokens(),
    connector: connector(nsmgr),
    managerUrl: "tcp://10.0.0.1:5001",
    registryUrl: REGISTRY,
    authorizeServer: server,
    authorizeClient: authorizing,
  });
  network.listen(MANAGER, manager, ctx, { identity: nsmgr.peer });
  const client = (who: TestIdentity, lifetimeMs = 600_000) => {
    const common = {
      ctx,
      url: MANAGER,
      connector: connector(who, who.tokens({ lifetimeMs })),
      retry: false,
    } as const;
    return {
      endpoints: startRegistry(
        registryClient(endpointKind, { ...common, heal: false, authorizeClient: authorizing }),
      ),
      networkServices: startRegistry(
        registryClient(networkServiceKind, { ...common, heal: false, authorizeClient: authorizing }),
      ),
    };
  };
  /** A call on a bare channel with a path header of the caller's making. */
  const withPath = async (
    who: TestIdentity,
    url: URL,
    path: unknown,
  ): Promise<{ channel: Channel; call: Context }> => {
    const channel = await connector(who).connect(url, { scope: "own", signal: ctx.signal });
    const outgoing = newOutgoingCall(channel);
    outgoing.headers.set(MetadataKey.PATH, JSON.stringify(path));
    return { channel, call: limited(ctx).with(outgoingCall, outgoing) };
  };
  const found = () => findAll(startRegistry(registries.endpoints), ctx, newNetworkServiceEndpoint());
  return { clock, ctx, network, nse, nsmgr, registry, thief, connector, client, withPath, found };
}

const limited = (ctx: Context, timeoutMs = 15_000): Context => withTimeout(ctx, timeoutMs).ctx;
const endpoint = (name = "nse") =>
  newNetworkServiceEndpoint({ name, networkServiceNames: ["ns"], url: "tcp://nse:1" });

describe("under the default policies", () => {
  it("an endpoint registers through its manager, refreshes and unregisters", async () => {
    const { ctx, clock, client, nse, found } = setUp();
    const { endpoints } = client(nse);
    const registered = await endpoints.register(limited(ctx), endpoint());
    expect(registered.pathIds).toEqual(
      ["nse", "nsmgr", "registry"].map((name) => `spiffe://test.com/${name}`),
    );
    await clock.advance(300_000); // several refreshes
    expect(await found()).toHaveLength(1);
    await endpoints.unregister(limited(ctx), registered);
    expect(await found()).toEqual([]);
  });

  it("the registration of an endpoint that is gone ends although its token expires, and its name is free", async () => {
    const { ctx, clock, client, nse, thief, found, withPath } = setUp();
    const { channel, call } = await withPath(nse, MANAGER, { Index: 0, PathSegments: null });
    await channel.endpoints.register(call, endpoint());
    await clock.advance(61_000);
    expect(await found()).toEqual([]);
    await client(thief).endpoints.register(limited(ctx), endpoint());
    expect(await found()).toHaveLength(1);
  });

  it("R-9 a name belongs to the one who registered it, endpoints' and services' alike", async () => {
    const { ctx, client, nse, thief, found } = setUp();
    await client(nse).endpoints.register(limited(ctx), endpoint());
    await expect(client(thief).endpoints.register(limited(ctx), endpoint())).rejects.toMatchObject(denied);
    await expect(client(thief).endpoints.unregister(limited(ctx), endpoint())).rejects.toMatchObject(denied);
    expect((await found())[0]?.pathIds[0]).toBe("spiffe://test.com/nse");
    const service = () => newNetworkService({ name: "ns-1" });
    await client(nse).networkServices.register(limited(ctx), service());
    await expect(client(thief).networkServices.register(limited(ctx), service())).rejects.toMatchObject(
      denied,
    );
  });

  it("SEC-02 a caller whose token, rightly signed, says that it is the owner is not", async () => {
    const { ctx, client, clock, connector, nse, thief, found } = setUp();
    await client(nse).endpoints.register(limited(ctx), endpoint());
    const tokens = es256Tokens({ clock, subject: nse.peer.spiffeId, privateKey: thief.privateKey });
    for (const url of [MANAGER, REGISTRY]) {
      const { endpoints } = await connector(thief, tokens).connect(url, { scope: "own", signal: ctx.signal });
      await expect(endpoints.register(limited(ctx), endpoint())).rejects.toMatchObject(denied);
      await expect(endpoints.unregister(limited(ctx), endpoint())).rejects.toMatchObject(denied);
    }
    expect(await found()).toHaveLength(1);
  });

  it("Find is open to everybody", async () => {
    const { ctx, network, client, nse } = setUp();
    await client(nse).endpoints.register(limited(ctx), endpoint());
    const channel = await network.connector().connect(REGISTRY, { scope: "own", signal: ctx.signal });
    expect(await findAll(channel.endpoints, limited(ctx), newNetworkServiceEndpoint())).toHaveLength(1);
  });
});

describe("a path that the caller makes up", () => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

  /** The owner's token for the thief, which the owner never made, then the thief's own. */
  const forged = ({ nse, thief }: ReturnType<typeof setUp>) => {
    const claims = { sub: nse.peer.spiffeId, aud: [thief.peer.spiffeId], exp: 9_999_999_999 };
    return {
      Index: 1,
      PathSegments: [{ token: `${encode({ alg: "ES256" })}.${encode(claims)}.` }, { token: "" }],
    };
  };

  it("T5 takes a name over where nobody says who may pass registrations on", async () => {
    const parts = setUp();
    await parts.client(parts.nse).endpoints.register(limited(parts.ctx), endpoint());
    const { channel, call } = await parts.withPath(parts.thief, REGISTRY, forged(parts));
    await channel.endpoints.unregister(call, endpoint());
    expect(await parts.found()).toEqual([]);
  });

  it("T5 is refused where only managers may", async () => {
    const parts = setUp({ proxies: (id) => id === "spiffe://test.com/nsmgr" });
    await parts.client(parts.nse).endpoints.register(limited(parts.ctx), endpoint());
    const { channel, call } = await parts.withPath(parts.thief, REGISTRY, forged(parts));
    await expect(channel.endpoints.unregister(call, endpoint())).rejects.toMatchObject(denied);
    await expect(channel.endpoints.register(call, endpoint())).rejects.toMatchObject(denied);
    expect(await parts.found()).toHaveLength(1);
  });

  it.each([
    ["null as a segment", { Index: 0, PathSegments: [null] }],
    ["a number as token", { Index: 0, PathSegments: [{ token: 1 }] }],
    ["text as segments", { Index: 0, PathSegments: "x" }],
    ["an index outside", { Index: 7, PathSegments: [{ token: "" }] }],
    ["more than 64 segments", { Index: 0, PathSegments: Array.from({ length: 65 }, () => ({ token: "" })) }],
  ])("T2 T16 is refused, at the manager as at the registry, with %s", async (_title, path) => {
    const parts = setUp();
    for (const url of [MANAGER, REGISTRY]) {
      const { channel, call } = await parts.withPath(parts.thief, url, path);
      const refused = { code: Code.INVALID_ARGUMENT };
      await expect(channel.endpoints.register(call, endpoint("own"))).rejects.toMatchObject(refused);
      await expect(channel.endpoints.unregister(call, endpoint("own"))).rejects.toMatchObject(refused);
      const service = newNetworkService({ name: "own" });
      await expect(channel.networkServices.register(call, service)).rejects.toMatchObject(refused);
    }
    await parts.client(parts.nse).endpoints.register(limited(parts.ctx), endpoint());
    expect((await parts.found()).map(({ name }) => name)).toEqual(["nse"]);
  });

  it("T6 is refused with an old token of somebody else in it", async () => {
    const parts = setUp();
    const old = (await parts.nse.tokens().token({ peer: parts.nsmgr.peer, own: undefined })).token;
    const path = { Index: 1, PathSegments: [{ token: old }, { token: "" }] };
    const { channel, call } = await parts.withPath(parts.thief, REGISTRY, path);
    await expect(channel.endpoints.register(call, endpoint("own"))).rejects.toMatchObject(denied);
  });
});
