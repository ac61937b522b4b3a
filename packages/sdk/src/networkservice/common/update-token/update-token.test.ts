// SPDX-License-Identifier: Apache-2.0
import { timestampFromMs, timestampToMs } from "@nsm/api";
import {
  chain,
  type IncomingCall,
  incomingCall,
  type Svid,
  start,
  type TokenLink,
  type TokenSource,
} from "@nsm/core";
import { capture, elementContract, requestWith, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { metadataServer } from "../../utils/metadata/index.js";
import { beginServer } from "../begin/index.js";
import { timeoutServer } from "../timeout/index.js";
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
  it("U-1 accepts an empty path", async () => {
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

  it("U-2 gives a segment that the path did not have yet a token and an expiry", async () => {
    const server = start(chain("test", updatePathServer("own"), updateTokenServer(tokens)));
    const connection = await server.request(called, requestWith({ ...path(0, "nsc"), id: "nsc" }));
    const own = connection.path.pathSegments[1];
    expect([connection.path.pathSegments.length, own?.name, own?.token]).toEqual([
      2,
      "own",
      expect.stringMatching(/./),
    ]);
    expect(timestampToMs(own!.expires!)).toBe(clock.now() + 60_000);
  });

  it("U-3 overwrites the token and the expiry of a segment that was there", async () => {
    const server = start(chain("test", updatePathServer("own"), updateTokenServer(tokens)));
    const request = requestWith({ ...path(0, "nsc", "own", "next"), id: "nsc" });
    request.connection.path.pathSegments[1]!.expires = timestampFromMs(1);
    const [, own, next] = (await server.request(called, request)).path.pathSegments;
    expect([own?.token === "old-own", next?.token]).toEqual([false, "old-next"]);
    expect(timestampToMs(own!.expires!)).toBe(clock.now() + 60_000);
  });

  it("makes its own token for the caller, signed with what it showed the caller", async () => {
    const asked: TokenLink[] = [];
    const asking: TokenSource = {
      async token(link) {
        asked.push(link);
        return { token: "own-token", expiresMs: 1 };
      },
    };
    const peer = { spiffeId: "spiffe://test.com/nsc", notAfterMs: 0, certificatePem: "pem" };
    const own = { serial: "1" } as Svid;
    const call = { ...callWith({ token: "t", expiresMs: 5000 }), peer, own };
    const server = start(updateTokenServer(asking));
    await server.request(ctx.with(incomingCall, call), requestWith(path(1, "nsc", "own")));
    await server.close(ctx.with(incomingCall, call), requestWith(path(1, "nsc", "own")).connection);
    expect(asked).toEqual([
      { peer, own },
      { peer, own },
    ]);
  });

  it("T7 keeps a connection no longer than the caller's token lives, whatever its header says", async () => {
    const { token } = await testTokens({ clock, lifetimeMs: 60_000 }).token({
      peer: undefined,
      own: undefined,
    });
    const greedy = callWith({ token, expiresMs: clock.now() + 100 * 365 * 86_400_000 });
    const closed = capture();
    const server = start(
      chain("test", beginServer(), updateTokenServer(tokens), metadataServer(), timeoutServer(ctx), closed),
    );
    const connection = await server.request(
      ctx.with(incomingCall, greedy),
      requestWith(path(1, "nsc", "own")),
    );
    expect(timestampToMs(connection.path.pathSegments[0]!.expires!)).toBe(clock.now() + 60_000);
    await clock.advance(60_000);
    expect(closed.closed).toHaveLength(1);
  });

  it("keeps the caller's segment when the call carries no token", async () => {
    const connection = await start(updateTokenServer(tokens)).request(
      ctx,
      requestWith(path(1, "nsc", "own")),
    );
    expect(connection.path.pathSegments[0]?.token).toBe("old-nsc");
  });

  it("U-4 refuses an index outside the path", async () => {
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

  it("U-5 gives a path of three applications three tokens", async () => {
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
