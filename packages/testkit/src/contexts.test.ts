// SPDX-License-Identifier: Apache-2.0
import { remainingMs } from "@nsm/core";
import { connectionWith, requestWith, testContext, testTokens } from "./contexts.js";
import { VirtualClock } from "./virtual-clock.js";

const claims = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

describe("what tests start from", () => {
  it("is a context without deadline on a virtual clock, or with what is asked for", () => {
    const clock = new VirtualClock();
    const stopping = new AbortController();
    expect(testContext().deadlineMs).toBeUndefined();
    const ctx = testContext({ clock, timeoutMs: 50, signal: stopping.signal });
    expect([ctx.clock, remainingMs(ctx)]).toEqual([clock, 50]);
    stopping.abort();
    expect(ctx.signal.aborted).toBe(true);
  });

  it("is a message with path and context", () => {
    expect(connectionWith().path.pathSegments).toEqual([]);
    const { connection, mechanismPreferences } = requestWith({ id: "a", context: { MTU: 1400 } });
    expect([connection.id, connection.context.MTU, mechanismPreferences]).toEqual(["a", 1400, []]);
  });
});

describe("test tokens", () => {
  it("say who, for whom and until when", async () => {
    const clock = new VirtualClock();
    const tokens = testTokens({ clock, subject: "spiffe://test.com/nsc", lifetimeMs: 60_000 });
    const { token, expiresMs } = await tokens.token({ peer: undefined, own: undefined });
    expect(expiresMs).toBe(clock.now() + 60_000);
    expect(claims(token)).toMatchObject({
      sub: "spiffe://test.com/nsc",
      aud: ["spiffe://test.com/peer"],
      exp: expiresMs / 1000,
    });
  });

  it("differ from each other, name the peer, and live as long as a function says", async () => {
    const clock = new VirtualClock();
    let lifetimeMs = 1_000;
    const tokens = testTokens({ clock, lifetimeMs: () => lifetimeMs });
    const peer = { spiffeId: "spiffe://test.com/nsmgr", notAfterMs: 0, certificatePem: "" };
    const first = await tokens.token({ peer, own: undefined });
    lifetimeMs = 2_000;
    const second = await tokens.token({ peer, own: undefined });
    expect(first.token).not.toBe(second.token);
    expect([first.expiresMs, second.expiresMs].map((ms) => ms - clock.now())).toEqual([1_000, 2_000]);
    expect(claims(first.token).aud).toEqual([peer.spiffeId]);
  });
});
