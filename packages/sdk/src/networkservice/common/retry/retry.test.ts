// SPDX-License-Identifier: Apache-2.0
import { Code, chain, type NetworkServiceElement, sleep, start, withCancel } from "@nsm/core";
import { capture, counter, injectError, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { retryClient } from "./index.js";

// no element contract: errors of next do not pass through, they are repeated
const newRequest = () => requestWith({ id: "id-0", labels: { a: "b" } });

function setUp(...behind: NetworkServiceElement[]) {
  const clock = new VirtualClock();
  const calls = counter();
  const seen = capture();
  return { clock, calls, seen, client: start(chain("test", retryClient(), calls, seen, ...behind)) };
}

describe("retry client", () => {
  it("calls six times when five fail, 200 ms apart, Request and Close alike", async () => {
    const five = [0, 1, 2, 3, 4];
    const { clock, calls, client } = setUp(injectError({ request: five, close: five }));
    const ctx = testContext({ clock });
    const startMs = clock.now();
    const connection = await clock.waitFor(client.request(ctx, newRequest()));
    expect([calls.requests, clock.now() - startMs]).toEqual([6, 1000]);
    await clock.waitFor(client.close(ctx, connection));
    expect([calls.closes, clock.now() - startMs]).toEqual([6, 2000]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("gives each try 15 s and a message of its own", async () => {
    const spoil: NetworkServiceElement = {
      name: "spoil",
      async request(ctx, request, next) {
        request.connection.labels.a = "spoiled";
        return next.request(ctx, request);
      },
    };
    const { clock, seen, client } = setUp(spoil, injectError({ request: [0] }));
    await clock.waitFor(client.request(testContext({ clock }), newRequest()));
    expect(seen.requests.map(({ connection }) => connection.labels.a)).toEqual(["b", "b"]);
    expect(seen.lastContext?.deadlineMs).toBe(clock.now() + 15_000);
  });

  it("tries again when a try takes too long", async () => {
    let slow = true;
    const hanging: NetworkServiceElement = {
      name: "hanging",
      async request(ctx, request, next) {
        if (slow) await sleep(ctx, 60_000);
        return next.request(ctx, request);
      },
    };
    const { clock, calls, client } = setUp(hanging);
    const outcome = client.request(testContext({ clock }), newRequest());
    await clock.advance(15_000);
    slow = false;
    await clock.waitFor(outcome);
    expect(calls.requests).toBe(2);
  });

  it("never calls again once the caller has left", async () => {
    const { clock, calls, client } = setUp(injectError());
    const caller = withCancel(testContext({ clock }));
    const outcome = client.request(caller.ctx, newRequest());
    outcome.catch(() => {});
    await clock.advance(300);
    caller.cancel();
    await expect(outcome).rejects.toMatchObject({
      code: Code.CANCELLED,
      message: "context canceled: last try: error originates in chain",
    });
    await clock.advance(60_000);
    expect(calls.requests).toBe(2);
    await expect(client.request(caller.ctx, newRequest())).rejects.toMatchObject({ code: Code.CANCELLED });
    expect(calls.requests).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not try again when the caller leaves during a try", async () => {
    const caller = withCancel(testContext({ clock: new VirtualClock() }));
    const leaving: NetworkServiceElement = {
      name: "leaving",
      async request() {
        caller.cancel();
        throw new Error("failed");
      },
    };
    const { calls, client } = setUp(leaving);
    await expect(client.request(caller.ctx, newRequest())).rejects.toMatchObject({ code: Code.CANCELLED });
    expect(calls.requests).toBe(1);
  });

  it("ends with the caller's deadline", async () => {
    const { clock, client } = setUp(injectError());
    const outcome = client.request(testContext({ clock, timeoutMs: 1000 }), newRequest());
    outcome.catch(() => {});
    await clock.advance(1000);
    await expect(outcome).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });
});
