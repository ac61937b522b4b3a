// SPDX-License-Identifier: Apache-2.0
import { timestampToMs } from "@nsm/api";
import { chain, type IncomingCall, incomingCall, start } from "@nsm/core";
import { elementContract, requestWith, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { updatePathServer } from "../update-path/index.js";
import { updateTokenServer } from "./index.js";

const clock = new VirtualClock();
const tokens = testTokens({ clock, lifetimeMs: 60_000 });

elementContract(() => updateTokenServer(tokens));

const callWith = (token: IncomingCall["token"]): IncomingCall => ({
  peerAddress: "test",
  peer: undefined,
  own: undefined,
  token,
  headers: new Map(),
  responseHeaders: new Map(),
  link: undefined,
});

const ctx = testContext({ clock });
const called = ctx.with(incomingCall, callWith({ token: "from-caller", expiresMs: 5000 }));
const path = (index: number, ...names: string[]) => ({
  id: "a",
  path: { index, pathSegments: names.map((name) => ({ name, id: name, token: `old-${name}` })) },
});

describe("update-token server", () => {
  it("accepts an empty path", async () => {
    await expect(
      start(updateTokenServer(tokens)).request(ctx, requestWith({ id: "a" })),
    ).resolves.toBeDefined();
  });

  it("fills the caller's segment from the call and the own one from the token source", async () => {
    const connection = await start(updateTokenServer(tokens)).request(
      called,
      requestWith(path(1, "nsc", "own")),
    );
    const [previous, own] = connection.path.pathSegments;
    expect(previous).toMatchObject({ token: "from-caller" });
    expect(timestampToMs(previous!.expires!)).toBe(5000);
    expect(own!.token).not.toBe("old-own");
    expect(timestampToMs(own!.expires!)).toBe(clock.now() + 60_000);
  });

  it("keeps the caller's segment when the call carries no token", async () => {
    const connection = await start(updateTokenServer(tokens)).request(
      ctx,
      requestWith(path(1, "nsc", "own")),
    );
    expect(connection.path.pathSegments[0]?.token).toBe("old-nsc");
  });

  it("refuses an index outside the path", async () => {
    await expect(
      start(updateTokenServer(tokens)).request(ctx, requestWith(path(2, "nsc", "own"))),
    ).rejects.toMatchObject({
      reason: "PATH_INDEX",
    });
  });

  it("updates tokens on Close", async () => {
    const { connection } = requestWith(path(1, "nsc", "own"));
    await start(updateTokenServer(tokens)).close(called, connection);
    expect(connection.path.pathSegments[0]?.token).toBe("from-caller");
  });

  it("gives a path of three applications three tokens", async () => {
    const hops = ["one", "two", "three"].flatMap((name) => [
      updatePathServer(name),
      updateTokenServer(tokens),
    ]);
    const connection = await start(chain("test", ...hops)).request(ctx, requestWith());
    expect(connection.path.index).toBe(0);
    expect(
      connection.path.pathSegments.map(({ token, expires }) => token !== "" && expires !== undefined),
    ).toEqual([true, true, true]);
  });
});
