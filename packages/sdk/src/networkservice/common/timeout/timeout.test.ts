// SPDX-License-Identifier: Apache-2.0
import { timestampFromMs } from "@nsm/api";
import { Code, chain, type NetworkServiceElement, StatusError, start } from "@nsm/core";
import { counter, elementContract, injectError, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { metadataServer } from "../../utils/metadata/index.js";
import { beginServer } from "../begin/index.js";
import { timeoutServer } from "./index.js";

const LIFETIME_MS = 2000;
const before = () => [beginServer(), metadataServer()];
const requestExpiring = (expiresMs: number | undefined, id = "a") =>
  requestWith({
    id,
    path: {
      index: 1,
      pathSegments: [
        { name: "nsc", id: "nsc", expires: expiresMs === undefined ? undefined : timestampFromMs(expiresMs) },
        { name: "nse", id },
      ],
    },
  });

elementContract((clock) => timeoutServer(testContext({ clock })), {
  before,
  request: () => requestExpiring(Date.UTC(2027, 0, 1)),
});

function setUp(...elements: NetworkServiceElement[]) {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const calls = counter();
  const element = timeoutServer(ctx);
  const server = start(chain("test", ...before(), element, calls, ...elements));
  const request = (id = "a", lifetimeMs = LIFETIME_MS) => requestExpiring(clock.now() + lifetimeMs, id);
  return { clock, ctx, calls, element, server, request };
}

describe("timeout server", () => {
  it("closes when the caller's token expires, not before", async () => {
    const { server, ctx, clock, calls, request } = setUp();
    await server.request(ctx, request());
    await clock.advance(LIFETIME_MS - 1);
    expect(calls.closes).toBe(0);
    await clock.advance(1);
    expect(calls.closes).toBe(1);
  });

  it("closes earlier by the time the Request had", async () => {
    const { server, clock, calls, request } = setUp();
    await server.request(testContext({ clock, timeoutMs: 1500 }), request());
    await clock.advance(499);
    expect(calls.closes).toBe(0);
    await clock.advance(1);
    expect(calls.closes).toBe(1);
  });

  it("does not close what was closed before, and a late Close does not close again", async () => {
    const { server, ctx, clock, calls, request } = setUp();
    await server.request(ctx, request("a"));
    await server.request(ctx, request("b"));
    await server.close(ctx, request("a").connection);
    await clock.advance(LIFETIME_MS);
    await server.close(ctx, request("b").connection);
    expect(calls.closes).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it("starts the time anew with a refresh, and leaves it running when a refresh fails", async () => {
    const { server, ctx, clock, calls, request } = setUp(injectError({ request: [2], close: [] }));
    await server.request(ctx, request());
    await clock.advance(1500);
    await server.request(ctx, request());
    await clock.advance(1500);
    expect(calls.closes).toBe(0);
    await expect(server.request(ctx, request())).rejects.toThrow();
    await clock.advance(500);
    expect(calls.closes).toBe(1);
  });

  it.each([Code.DEADLINE_EXCEEDED, Code.CANCELLED])(
    "repeats a Close that ended with code %d",
    async (code) => {
      const { server, ctx, clock, calls, request } = setUp(
        injectError({ request: [], close: [0], error: new StatusError(code, "late") }),
      );
      await server.request(ctx, request());
      await expect(server.close(ctx, request().connection)).rejects.toMatchObject({ code });
      await clock.advance(LIFETIME_MS);
      expect(calls.closes).toBe(2);
    },
  );

  it("does not repeat a Close that failed otherwise", async () => {
    const { server, ctx, clock, calls, request } = setUp(injectError({ request: [], close: [0] }));
    await server.request(ctx, request());
    await expect(server.close(ctx, request().connection)).rejects.toThrow();
    await clock.advance(LIFETIME_MS);
    expect(calls.closes).toBe(1);
  });

  it("never closes a connection that is not open, with tokens expired on arrival", async () => {
    const open = new Set<string>();
    let wrong = 0;
    const check: NetworkServiceElement = {
      name: "check",
      async request(ctx, request, next) {
        open.add(request.connection.id);
        return next.request(ctx, request);
      },
      async close(ctx, connection, next) {
        if (!open.delete(connection.id)) wrong += 1;
        await next.close(ctx, connection);
      },
    };
    const { server, ctx, clock, element, request } = setUp(check);
    const calls = Array.from({ length: 1000 }, async (_, i) => {
      const id = `${i % 100}`;
      await server.request(ctx, request(id, 0));
      if (i % 2 === 0) await server.close(ctx, request(id).connection);
    });
    await clock.advance(1);
    await Promise.all(calls);
    await clock.advance(1);
    expect(wrong).toBe(0);
    expect(open.size).toBe(0);
    expect(element.statistics?.()).toEqual({ timers: 0 });
  });

  it("refuses a caller without expiry and closes what the new Request set up", async () => {
    const { server, ctx, calls } = setUp();
    await expect(server.request(ctx, requestExpiring(undefined))).rejects.toThrow(
      "expiration for the previous path segment cannot be nil",
    );
    expect(calls.closes).toBe(1);
  });
});
