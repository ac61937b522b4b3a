// SPDX-License-Identifier: Apache-2.0
import type { TokenSource } from "@nsm/core";
import { testTokens, VirtualClock } from "@nsm/testkit";
import { TokenCache } from "./token-cache.js";

const link = { peer: undefined, own: undefined };

it("uses a token again while nine tenths of its life remain", async () => {
  const clock = new VirtualClock();
  const cache = new TokenCache(testTokens({ clock, lifetimeMs: 10_000 }), link, clock);
  const first = await cache.current();
  await clock.advance(1000);
  expect(await cache.current()).toBe(first);
  await clock.advance(1);
  expect(await cache.current()).not.toBe(first);
});

it("asks the source once for calls at the same time", async () => {
  const clock = new VirtualClock();
  const cache = new TokenCache(testTokens({ clock }), link, clock);
  const [first, second] = await Promise.all([cache.current(), cache.current()]);
  expect(first).toBe(second);
});

it("asks the source again after it failed", async () => {
  const clock = new VirtualClock();
  const tokens = testTokens({ clock });
  const answers: TokenSource["token"][] = [async () => Promise.reject(new Error("no SVID")), tokens.token];
  const source: TokenSource = { token: (ends) => (answers.shift() ?? tokens.token)(ends) };
  const cache = new TokenCache(source, link, clock);
  await expect(cache.current()).rejects.toThrow("no SVID");
  await expect(cache.current()).resolves.toHaveProperty("token");
});
