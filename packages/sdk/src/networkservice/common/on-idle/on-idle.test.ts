// SPDX-License-Identifier: Apache-2.0
import { Code, chain, type NetworkServiceElement, start } from "@nsm/core";
import { elementContract, injectError, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { onIdleServer } from "./index.js";

elementContract(() => onIdleServer(testContext(), { timeoutMs: 1000, notify: () => {} }));

function setUp(timeoutMs: number, ...elements: NetworkServiceElement[]) {
  const clock = new VirtualClock();
  const stopped = new AbortController();
  const ctx = testContext({ clock });
  let notified = 0;
  const notify = (): void => {
    notified += 1;
  };
  const chainCtx = testContext({ clock, signal: stopped.signal });
  const server = start(chain("test", onIdleServer(chainCtx, { timeoutMs, notify }), ...elements));
  const request = (id: string) => server.request(ctx, requestWith({ id }));
  const close = (id: string) => server.close(ctx, requestWith({ id }).connection);
  return { clock, stopped, request, close, notified: () => notified };
}

describe("on-idle server", () => {
  it("never fires when disabled", async () => {
    const { clock, notified } = setUp(0);
    await clock.advance(1_000_000);
    expect(notified()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it("tells once that nobody came, and refuses whoever comes then", async () => {
    const { clock, request, notified } = setUp(1000);
    await clock.advance(5000);
    expect(notified()).toBe(1);
    await expect(request("a")).rejects.toMatchObject({ code: Code.UNAVAILABLE, message: "endpoint expired" });
  });

  it("waits while there is a connection, and starts anew after the last one", async () => {
    const { clock, request, close, notified } = setUp(1000);
    await clock.advance(500);
    await request("a");
    await request("b");
    await clock.advance(5000);
    await close("a");
    await clock.advance(5000);
    expect(notified()).toBe(0);
    await close("b");
    await clock.advance(999);
    expect(notified()).toBe(0);
    await clock.advance(1);
    expect(notified()).toBe(1);
  });

  it("starts anew after a failed first Request, not after a failed refresh", async () => {
    const { clock, request, notified } = setUp(1000, injectError({ request: [0, 2] }));
    await clock.advance(500);
    await expect(request("a")).rejects.toThrow();
    await clock.advance(999);
    expect(notified()).toBe(0);
    await request("a");
    await expect(request("a")).rejects.toThrow();
    await clock.advance(5000);
    expect(notified()).toBe(0);
  });

  it("is off once its chain has ended", async () => {
    const { clock, stopped, request, notified } = setUp(1000);
    stopped.abort();
    await clock.advance(5000);
    expect(notified()).toBe(0);
    await expect(request("a")).resolves.toBeDefined();
  });
});
