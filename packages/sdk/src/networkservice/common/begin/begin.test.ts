// SPDX-License-Identifier: Apache-2.0
import { State } from "@nsm/api";
import {
  type Context,
  chain,
  contextKey,
  internalEvent,
  type NetworkServiceElement,
  remainingMs,
  sleep,
  start,
} from "@nsm/core";
import {
  capture,
  counter,
  elementContract,
  injectError,
  requestWith,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { type EventFactory, eventFactory } from "./context.js";
import { beginClient, beginServer, reselectSameEndpoint } from "./index.js";

const value = contextKey<string>("value");
const request = (partial: object = {}) => requestWith({ id: "a", ...partial });

/** Keeps the event factory of the last event. */
function tap() {
  const element: NetworkServiceElement & { factory?: EventFactory } = {
    name: "tap",
    request(ctx, sent, next) {
      const factory = ctx.get(eventFactory);
      if (factory !== undefined) element.factory = factory;
      return next.request(ctx, sent);
    },
  };
  return element;
}

const variants: [string, () => NetworkServiceElement][] = [
  ["server", () => beginServer()],
  ["client", () => beginClient()],
];

describe.each(variants)("begin %s", (_kind, begin) => {
  elementContract(() => begin());

  function setUp(...elements: NetworkServiceElement[]) {
    const clock = new VirtualClock();
    const seen = capture();
    const events = tap();
    const element = begin();
    const next = start(chain("test", element, events, seen, ...elements));
    return { clock, ctx: testContext({ clock, timeoutMs: 1000 }), seen, events, element, next };
  }

  it("refuses a connection without id", async () => {
    const { next, ctx } = setUp();
    await expect(next.request(ctx, requestWith())).rejects.toThrow(
      "request.EventFactory.Id must not be zero valued",
    );
  });

  it("closes with the last known connection, whatever the caller sends, and only once", async () => {
    const { next, ctx, seen } = setUp();
    await next.request(ctx, request({ networkServiceEndpointName: "nse", context: { MTU: 1400 } }));
    await next.close(ctx, request().connection);
    await next.close(ctx, request().connection);
    expect(seen.closed).toHaveLength(1);
    expect(seen.lastClosed).toMatchObject({ networkServiceEndpointName: "nse", context: { MTU: 1400 } });
  });

  it("does not pass the Close of an unknown connection on", async () => {
    const { next, ctx, seen } = setUp();
    await next.close(ctx, request().connection);
    expect(seen.closed).toHaveLength(0);
  });

  it("forgets a failed first Request, and keeps an established connection over a failed refresh", async () => {
    const { next, ctx, seen, element } = setUp(injectError({ request: [0, 2], close: [] }));
    await expect(next.request(ctx, request())).rejects.toThrow();
    expect(element.statistics?.()).toEqual({ connections: 0 });
    await next.request(ctx, request({ networkServiceEndpointName: "good" }));
    await expect(next.request(ctx, request({ networkServiceEndpointName: "bad" }))).rejects.toThrow();
    await next.close(ctx, request().connection);
    expect(seen.lastClosed?.networkServiceEndpointName).toBe("good");
  });

  it("fires events with the context values of the last Request that succeeded", async () => {
    const { next, ctx, seen, events } = setUp(injectError({ request: [1], close: [] }));
    await next.request(ctx.with(value, "first"), request());
    await expect(next.request(ctx.with(value, "failed"), request())).rejects.toThrow();
    await events.factory!.request();
    expect(seen.lastContext?.get(value)).toBe("first");
    expect(seen.lastContext?.get(internalEvent)).toBe(true);
    await next.request(ctx.with(value, "second"), request());
    expect(seen.lastContext?.get(internalEvent)).toBeUndefined();
    await events.factory!.close();
    expect(seen.lastContext?.get(value)).toBe("second");
  });

  it("gives each event the time that the first Request had, also after delays", async () => {
    const { next, clock, seen, events } = setUp();
    await next.request(testContext({ clock, timeoutMs: 700 }), request());
    await clock.advance(5000);
    await events.factory!.request();
    expect(remainingMs(seen.lastContext!)).toBe(700);
    await next.request(testContext({ clock, timeoutMs: 10_000 }), request());
    await clock.advance(50_000);
    await events.factory!.close();
    expect(remainingMs(seen.lastContext!)).toBe(700);
    expect(clock.pendingTimers).toBeLessThanOrEqual(1);
  });

  it("ends the events of a closed connection without calling next", async () => {
    const { next, ctx, seen, events } = setUp();
    await next.request(ctx, request());
    await next.close(ctx, request().connection);
    const calls = seen.contexts.length;
    await events.factory!.request();
    await events.factory!.close();
    expect(seen.contexts).toHaveLength(calls);
  });

  it("drops events whose signal is aborted before their turn", async () => {
    const { next, ctx, seen, events } = setUp();
    await next.request(ctx, request());
    const dropped = AbortSignal.abort();
    await events.factory!.request({ signal: dropped });
    await events.factory!.close({ signal: dropped });
    expect(seen.contexts).toHaveLength(1);
  });

  it("lets an event repeat a Close that failed", async () => {
    const { next, ctx, seen, events } = setUp(injectError({ request: [], close: [0] }));
    await next.request(ctx, request());
    await expect(next.close(ctx, request().connection)).rejects.toThrow();
    await events.factory!.close();
    expect(seen.closed).toHaveLength(2);
  });

  it("does not let a late Close event touch a connection made anew under the id", async () => {
    const { next, ctx, seen, events } = setUp(injectError({ request: [], close: [0] }));
    await next.request(ctx, request());
    const old = events.factory!;
    await expect(next.close(ctx, request().connection)).rejects.toThrow();
    await next.request(ctx, request());
    await old.close();
    expect(seen.closed).toHaveLength(1);
  });

  it("makes a Request wait for a running Close event, then starts afresh", async () => {
    const slow: NetworkServiceElement = {
      name: "slow",
      async close(ctx, connection, next) {
        await sleep(ctx, 500);
        await next.close(ctx, connection);
      },
    };
    const { next, clock, ctx, seen, events } = setUp(slow);
    await next.request(ctx.with(value, "first"), request());
    const closing = events.factory!.close();
    const again = next.request(ctx.with(value, "second"), request());
    await clock.settle();
    expect(seen.requests).toHaveLength(1);
    await clock.advance(500);
    await Promise.all([closing, again]);
    expect(seen.requests).toHaveLength(2);
    await events.factory!.request();
    expect(seen.lastContext?.get(value)).toBe("second");
  });

  it("never lets two events of a connection overlap", async () => {
    const running = new Map<string, number>();
    let overlaps = 0;
    const enter = async (id: string): Promise<void> => {
      const now = (running.get(id) ?? 0) + 1;
      running.set(id, now);
      if (now > 1) overlaps += 1;
      await new Promise((resolve) => setImmediate(resolve));
      running.set(id, (running.get(id) ?? 0) - 1);
    };
    const exclusive: NetworkServiceElement = {
      name: "exclusive",
      async request(ctx, sent, next) {
        await enter(sent.connection.id);
        return next.request(ctx, sent);
      },
      async close(ctx, connection, next) {
        await enter(connection.id);
        await next.close(ctx, connection);
      },
    };
    const element = chain("nested", begin(), beginClient(), exclusive);
    const next = start(element);
    const ctx = testContext();
    const calls = Array.from({ length: 1000 }, async (_, i) => {
      const sent = requestWith({ id: `${i % 20}` });
      const connection = await next.request(ctx, sent);
      await next.close(ctx, connection);
    });
    await Promise.all(calls);
    expect(overlaps).toBe(0);
  });

  it("is transparent behind another begin", async () => {
    const calls = counter();
    const inner = begin();
    const next = start(chain("test", begin(), inner, calls));
    const ctx = testContext();
    const connection = await next.request(ctx, request());
    await next.close(ctx, connection);
    expect([calls.requests, calls.closes]).toEqual([1, 1]);
    expect(inner.statistics?.()).toEqual({ connections: 0 });
  });
});

describe("begin server", () => {
  it("closes the old connection as its old peer before a Request that asks for another endpoint", async () => {
    const order: string[] = [];
    let closeCtx: Context | undefined;
    const recorder: NetworkServiceElement = {
      name: "recorder",
      async request(ctx, sent, next) {
        order.push(`request ${ctx.get(value)}`);
        return next.request(ctx, sent);
      },
      async close(ctx) {
        closeCtx = ctx;
        order.push(`close ${ctx.get(value)}`);
        throw new Error("gone");
      },
    };
    const next = start(chain("test", beginServer(), recorder));
    const ctx = testContext();
    await next.request(ctx.with(value, "old"), request());
    const connection = await next.request(
      ctx.with(value, "new"),
      request({ state: State.RESELECT_REQUESTED }),
    );
    expect(order).toEqual(["request old", "close old", "request new"]);
    expect(connection.state).toBe(State.UP);
    expect(closeCtx?.signal.aborted).toBe(true);
  });

  it("forgets the connection when the Request after reselection fails", async () => {
    const element = beginServer();
    const next = start(chain("test", element, injectError({ request: [1] })));
    const ctx = testContext();
    await next.request(ctx, request());
    await expect(next.request(ctx, request({ state: State.RESELECT_REQUESTED }))).rejects.toThrow();
    expect(element.statistics?.()).toEqual({ connections: 0 });
  });
});

describe("begin client", () => {
  it("sends a changed context and keeps mechanism and labels of the first result", async () => {
    const seen = capture();
    const next = start(chain("test", beginClient(), seen));
    const ctx = testContext();
    const first = await next.request(ctx, request({ mechanism: { type: "KERNEL" }, labels: { a: "1" } }));
    first.context.ipContext = { ...first.context.ipContext!, srcIpAddrs: ["10.0.0.1/32"] };
    first.mechanism = undefined;
    first.labels = {};
    await next.request(ctx, { connection: first, mechanismPreferences: [] });
    expect(seen.lastRequest?.connection).toMatchObject({
      context: { ipContext: { srcIpAddrs: ["10.0.0.1/32"] } },
      mechanism: { type: "KERNEL" },
      labels: { a: "1" },
    });
  });

  it.each([
    ["any endpoint", beginClient(), ""],
    ["the same endpoint", beginClient({ reselect: reselectSameEndpoint }), "nse"],
  ])("closes, then asks for %s on a reselecting event", async (_text, begin, name) => {
    const seen = capture();
    const events = tap();
    const next = start(chain("test", begin, events, seen, injectError({ request: [], close: [-1] })));
    const ctx = testContext();
    await next.request(ctx, request({ networkServiceEndpointName: "nse", mechanism: { type: "KERNEL" } }));
    await events.factory!.request({ reselect: true });
    expect(seen.closed).toHaveLength(1);
    expect(seen.lastRequest?.connection).toMatchObject({
      networkServiceEndpointName: name,
      mechanism: undefined,
      state: State.RESELECT_REQUESTED,
    });
    await next.close(ctx, request().connection).catch(() => {});
    expect(seen.lastClosed?.state).toBe(State.UP);
  });
});

describe("a connection that outlived its begin server", () => {
  const closing = (outlived: boolean, ...elements: NetworkServiceElement[]) => {
    const clock = new VirtualClock();
    const calls = counter();
    const element = beginServer(({ id }) => outlived && id === "a");
    const next = start(chain("test", element, ...elements, calls));
    return { ctx: testContext({ clock, timeoutMs: 1000 }), clock, calls, element, next };
  };

  it("is closed with what the caller sends, if anything of it is left", async () => {
    const [left, gone] = [closing(true), closing(false)];
    for (const { next, ctx } of [left, gone]) await next.close(ctx, request().connection);
    expect([left.calls.closes, gone.calls.closes]).toEqual([1, 0]);
    await left.next.close(left.ctx, requestWith({ id: "b" }).connection);
    expect(left.calls.closes).toBe(1);
    expect(left.element.statistics?.()).toEqual({ connections: 0 });
  });

  it("makes a Request wait until its Close is over", async () => {
    let finish = (): void => {};
    const slow: NetworkServiceElement = {
      name: "slow",
      async close(ctx, connection, next) {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        await next.close(ctx, connection);
      },
    };
    const { ctx, clock, calls, next, element } = closing(true, slow);
    const closed = next.close(ctx, request().connection);
    await clock.settle();
    const requested = next.request(ctx, request());
    await clock.settle();
    expect(calls.requests).toBe(0);
    finish();
    await closed;
    await requested;
    expect([calls.closes, calls.requests, element.statistics?.()]).toEqual([1, 1, { connections: 1 }]);
  });
});
