// SPDX-License-Identifier: Apache-2.0
import { Code, type IdentitySource, realClock, type TokenSource } from "@nsm/core";
import { defaultMasks, policiesFromMasks } from "@nsm/policy";
import { endpoint } from "@nsm/sdk";
import { authorizeServer } from "@nsm/sdk/networkservice/common/authorize";
import { counter, requestWith, tamperedTokens } from "@nsm/testkit";
import { failureOf, SecureWorld } from "./support.js";

let world: SecureWorld;
beforeEach(() => {
  world = new SecureWorld();
});
afterEach(() => world.close());

const denied = {
  code: Code.PERMISSION_DENIED,
  message: "networkservice: an error occurred during authorization policy check: no sufficient privileges",
};

interface Parts {
  readonly own: IdentitySource;
  readonly honest: TokenSource;
}

const withPeer =
  (spiffeId: string) =>
  ({ honest }: Parts): TokenSource => ({
    token: ({ peer, own }) => honest.token({ peer: peer && { ...peer, spiffeId }, own }),
  });

/** Tokens that a caller should not send, all of them signed as well as it can. */
const wrong: readonly (readonly [title: string, tokens: (parts: Parts) => TokenSource | undefined])[] = [
  ["none", () => undefined],
  ["an empty one", () => ({ token: async () => ({ token: "", expiresMs: Date.now() + 60_000 }) })],
  ["one for another server", withPeer("spiffe://test.nsm/other-server")],
  ["one for nobody", ({ honest }) => ({ token: ({ own }) => honest.token({ peer: undefined, own }) })],
  ["one whose claims were changed", ({ honest }) => tamperedTokens(honest, { exp: 9_999_999_999 })],
  [
    "one that says it is somebody else's",
    ({ honest }) => ({
      token: ({ peer, own }) =>
        honest.token({ peer, own: own && { ...own, spiffeId: world.spiffeId("other") } }),
    }),
  ],
  [
    "one of another identity",
    ({ honest }) => ({
      token: ({ peer }) => honest.token({ peer, own: world.source("other").current() }),
    }),
  ],
  [
    "one signed with another key of the same identity",
    ({ honest, own }) => ({
      token: ({ peer }) => honest.token({ peer, own: world.ca.issue(own.current().spiffeId) }),
    }),
  ],
  ["one that has expired", ({ own }) => world.tokens(own, -1000)],
];

describe.each(["unix", "tcp"] as const)("over %s with mutual TLS and the default policies", (kind) => {
  async function serve() {
    const server = world.source("server");
    const calls = counter();
    const policy = policiesFromMasks(defaultMasks.networkServiceServer, { clock: realClock });
    const served = endpoint({
      ctx: world.ctx,
      name: "server",
      tokens: world.tokens(server),
      authorize: authorizeServer(policy),
      elements: [calls],
    });
    const { url } = await world.serve(world.url(kind), served, world.security(server));
    const own = world.source("client");
    const ask = async (tokens: TokenSource | undefined): Promise<void> => {
      const connector = world.connector(world.security(own), tokens);
      const channel = await connector.connect(url, { scope: "own", signal: world.ctx.signal });
      const path = { index: 0, pathSegments: [{ name: "client", id: "a" }] };
      const connection = await channel.networkService.request(world.ctx, requestWith({ id: "a", path }));
      expect(connection.path.pathSegments).toHaveLength(2);
    };
    return { calls, ask, parts: { own, honest: world.tokens(own) } };
  }

  it("an honest caller passes", async () => {
    const { calls, ask, parts } = await serve();
    await ask(parts.honest);
    expect(calls.requests).toBe(1);
  });

  it.each(wrong)("SEC-04 a caller with %s as its token is refused", async (_title, tokensOf) => {
    const { calls, ask, parts } = await serve();
    expect(await failureOf(ask(tokensOf(parts)))).toEqual(denied);
    expect(calls.requests).toBe(0);
    await ask(parts.honest);
    expect(calls.requests).toBe(1);
  });
});
