// SPDX-License-Identifier: Apache-2.0
import { newPath, timestampFromMs } from "@nsm/api";
import { chain, type NetworkServiceElement, start } from "@nsm/core";
import { capture, elementContract, injectError, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { metadataClient } from "../../utils/metadata/index.js";
import { beginClient } from "../begin/index.js";
import { refreshDelayMs } from "./delay.js";
import { refreshClient } from "./index.js";

const before = () => [beginClient(), metadataClient()];
elementContract((clock) => refreshClient(testContext({ clock })), { before });

const MINUTE_MS = 60_000;

describe("refresh delay", () => {
  const delay = (index: number, ...lifetimesMs: number[]): number | undefined =>
    refreshDelayMs(
      newPath({ index, pathSegments: lifetimesMs.map((ms) => ({ expires: timestampFromMs(1000 + ms) })) }),
      1000,
    );

  it.each([
    [20 * MINUTE_MS, 0, [60 * MINUTE_MS]],
    [54_000, 1, [60 * MINUTE_MS, 3 * MINUTE_MS]],
    [5000 / 3, 2, [60 * MINUTE_MS, 5000, 3 * MINUTE_MS]],
    [35, 3, [200, MINUTE_MS, 100, 60 * MINUTE_MS]],
    [2 * MINUTE_MS, 0, [10 * MINUTE_MS, 10 * MINUTE_MS]],
  ])("is %d ms at index %d of lifetimes %j", (expected, index, lifetimes) => {
    expect(delay(index, ...lifetimes)).toBeCloseTo(expected, 3);
  });

  it("leaves segments without expiry out", () => {
    const pathSegments = [{ expires: timestampFromMs(4000) }, { name: "no-expiry" }];
    expect(refreshDelayMs(newPath({ pathSegments }), 1000)).toBeCloseTo(600);
    expect(refreshDelayMs(newPath({ pathSegments: [{}] }), 1000)).toBeUndefined();
  });
});

describe("refresh client", () => {
  function setUp(lifetimeMs: number, ...elements: NetworkServiceElement[]) {
    const clock = new VirtualClock();
    const ctx = testContext({ clock });
    const seen = capture();
    /** Answers with a fresh expiry and its own endpoint name. */
    const server: NetworkServiceElement = {
      name: "server",
      async request(_ctx, { connection }) {
        connection.networkServiceEndpointName = `nse-${seen.requests.length}`;
        connection.path.pathSegments = [
          {
            name: "nsc",
            id: connection.id,
            token: "",
            metrics: {},
            expires: timestampFromMs(clock.now() + lifetimeMs),
          },
        ];
        return connection;
      },
    };
    const stopped = new AbortController();
    const chainCtx = testContext({ clock, signal: stopped.signal });
    const client = start(chain("test", ...before(), refreshClient(chainCtx), seen, ...elements, server));
    return { clock, ctx, seen, client, stopped };
  }
  const request = () => requestWith({ id: "a" });

  it("refreshes with the last result, until Close", async () => {
    const { clock, ctx, seen, client } = setUp(30_000);
    await client.request(ctx, request());
    await clock.advance(10_000);
    expect(seen.requests).toHaveLength(2);
    expect(seen.lastRequest?.connection.networkServiceEndpointName).toBe("nse-1");
    await clock.advance(10_000);
    expect(seen.lastRequest?.connection.networkServiceEndpointName).toBe("nse-2");
    await client.close(ctx, request().connection);
    await clock.advance(MINUTE_MS);
    expect(seen.requests).toHaveLength(3);
    expect(clock.pendingTimers).toBe(0);
  });

  it("starts the time anew with another Request", async () => {
    const { clock, ctx, seen, client } = setUp(30_000);
    await client.request(ctx, request());
    await clock.advance(9000);
    await client.request(ctx, request());
    await clock.advance(9000);
    expect(seen.requests).toHaveLength(2);
    await clock.advance(1000);
    expect(seen.requests).toHaveLength(3);
  });

  it("does not refresh after a failed first Request", async () => {
    const { clock, ctx, client } = setUp(30_000, injectError({ request: [0] }));
    await expect(client.request(ctx, request())).rejects.toThrow();
    expect(clock.pendingTimers).toBe(0);
  });

  it("tries a failed refresh again every 200 ms until it succeeds, then no more", async () => {
    const { clock, ctx, seen, client } = setUp(30_000, injectError({ request: [1, 2] }));
    await client.request(ctx, request());
    await clock.advance(10_000);
    expect(seen.requests).toHaveLength(2);
    await clock.advance(200);
    expect(seen.requests).toHaveLength(3);
    await clock.advance(200);
    expect(seen.requests).toHaveLength(4);
    await clock.advance(9000);
    expect(seen.requests).toHaveLength(4);
  });

  it("does not refresh an expired token in a tight loop", async () => {
    const { clock, ctx, seen, client } = setUp(-1000);
    await client.request(ctx, request());
    await clock.advance(1000);
    expect(seen.requests).toHaveLength(6);
  });

  it("stops with its chain", async () => {
    const { clock, ctx, client, stopped } = setUp(30_000);
    await client.request(ctx, request());
    stopped.abort();
    expect(clock.pendingTimers).toBe(0);
  });
});
