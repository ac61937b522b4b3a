// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, State } from "@nsm/api";
import { type Connection, chain, type NetworkServiceElement, start, withCancel } from "@nsm/core";
import {
  capture,
  elementContract,
  injectError,
  MemoryNetwork,
  requestWith,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { loadMetadata, metadataClient } from "../../utils/metadata/index.js";
import { beginClient } from "../begin/index.js";
import { clientConnClient } from "../client-conn/index.js";
import { ConnectionEvents } from "../monitor/index.js";
import { LocalRefreshNotifier, refreshNotifier, upstreamRefreshClient } from "./index.js";

elementContract((clock) => upstreamRefreshClient(testContext({ clock })), {
  before: () => [beginClient(), metadataClient()],
});

const url = new URL("unix:///run/next.sock");

const newRequest = (id = "a") =>
  requestWith({ id, networkService: "ns", path: { pathSegments: [{ name: "nsc", id }] } });

/** The same connection as the next hop announces it. */
function eventOf(connection: Connection, state: State, MTU = 0): ConnectionEvent {
  const id = `next-${connection.id}`;
  const path = {
    index: 1,
    pathSegments: [
      { name: "nsc", id: connection.id },
      { name: "next", id },
    ],
  };
  const announced = requestWith({ id, networkService: "ns", state, path, context: { MTU } }).connection;
  return { type: ConnectionEventType.UPDATE, connections: { [id]: announced } };
}

async function setUp(options: { notifier?: LocalRefreshNotifier } = {}, ...behind: NetworkServiceElement[]) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const network = new MemoryNetwork();
  const events = new ConnectionEvents(life.ctx);
  const server = network.listen(url, { monitor: events }, life.ctx);
  const channel = await network.connector().connect(url, { scope: "own", signal: life.ctx.signal });
  const element = upstreamRefreshClient(life.ctx, options);
  /** As a server: every Request it answers is announced as UP. */
  const answered: NetworkServiceElement = {
    name: "answered",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      events.send(eventOf(connection, State.UP));
      return connection;
    },
  };
  const seen = capture();
  const client = start(
    chain(
      "test",
      beginClient(),
      metadataClient(),
      clientConnClient(channel),
      element,
      seen,
      ...behind,
      answered,
    ),
  );
  const requestsOf = (id: string) => seen.requests.filter(({ connection }) => connection.id === id).length;
  return { clock, life, events, server, element, seen, client, ctx: testContext({ clock }), requestsOf };
}

describe("upstream-refresh client", () => {
  it("requests once for each demand of the next hop", async () => {
    const { clock, client, ctx, events, seen } = await setUp();
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    for (const expected of [2, 3]) {
      events.send(eventOf(connection, State.REFRESH_REQUESTED, 1500));
      await clock.settle();
      await clock.advance(10_000);
      expect(seen.requests).toHaveLength(expected);
    }
  });

  it("hears a demand that came before the Request returned", async () => {
    let demands = 1;
    const early: NetworkServiceElement = {
      name: "early",
      async request(ctx, request, next) {
        const connection = await next.request(ctx, request);
        if (demands-- > 0) state.events.send(eventOf(connection, State.REFRESH_REQUESTED));
        return connection;
      },
    };
    const state = await setUp({}, early);
    await state.client.request(state.ctx, newRequest());
    await state.clock.settle();
    expect(state.seen.requests).toHaveLength(2);
  });

  it("ignores other changes, deletions included", async () => {
    const { clock, client, ctx, events, seen } = await setUp();
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.settle();
    events.send({ ...eventOf(connection, State.REFRESH_REQUESTED), type: ConnectionEventType.DELETE });
    await clock.advance(10_000);
    expect(seen.requests).toHaveLength(1);
  });

  it("makes all other connections of the notifier renew once, without an echo", async () => {
    const notifier = new LocalRefreshNotifier();
    const { clock, client, ctx, events, requestsOf } = await setUp({ notifier });
    const connection = await client.request(ctx, newRequest("a"));
    await client.request(ctx, newRequest("b"));
    await client.request(ctx, newRequest("c"));
    await clock.settle();
    events.send(eventOf(connection, State.REFRESH_REQUESTED));
    await clock.settle();
    await clock.advance(10_000);
    expect(["a", "b", "c"].map(requestsOf)).toEqual([2, 2, 2]);
  });

  it("joins local demands, keeps them after the stream, and lets elements behind make them", async () => {
    const notifier = new LocalRefreshNotifier();
    let behind: unknown;
    const user: NetworkServiceElement = {
      name: "user",
      request(ctx, request, next) {
        behind = loadMetadata(ctx, refreshNotifier);
        return next.request(ctx, request);
      },
    };
    const { clock, client, ctx, server, requestsOf } = await setUp({ notifier }, user);
    await client.request(ctx, newRequest());
    await clock.settle();
    expect(behind).toBe(notifier);
    server.kill();
    await clock.settle();
    for (let i = 0; i < 3; i++) notifier.notifyOthers("other");
    await clock.settle();
    expect(requestsOf("a")).toBe(2);
  });

  it("repeats a renewal every 200 ms until it succeeds", async () => {
    const { clock, client, ctx, events, seen } = await setUp({}, injectError({ request: [1, 2], close: [] }));
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.REFRESH_REQUESTED));
    await clock.advance(399);
    expect(seen.requests).toHaveLength(3);
    await clock.advance(10_000);
    expect(seen.requests).toHaveLength(4);
  });

  it("follows on after a Request that failed", async () => {
    const { clock, client, ctx, events, seen } = await setUp({}, injectError({ request: [1], close: [] }));
    const connection = await client.request(ctx, newRequest());
    await expect(client.request(ctx, newRequest())).rejects.toThrow();
    await clock.settle();
    events.send(eventOf(connection, State.REFRESH_REQUESTED));
    await clock.settle();
    expect(seen.requests).toHaveLength(3);
  });

  it("ends with Close and with the chain", async () => {
    const notifier = new LocalRefreshNotifier();
    const { clock, client, ctx, life, events, element, requestsOf } = await setUp({ notifier });
    const closed = await client.request(ctx, newRequest("a"));
    const kept = await client.request(ctx, newRequest("b"));
    await clock.settle();
    await client.close(ctx, closed);
    expect(element.statistics?.()).toEqual({ followed: 1 });
    expect(notifier.size).toBe(1);
    life.cancel();
    events.send(eventOf(kept, State.REFRESH_REQUESTED));
    notifier.notifyOthers("a");
    await clock.advance(10_000);
    expect(["a", "b"].map(requestsOf)).toEqual([1, 1]);
    expect(clock.pendingTimers).toBe(0);
  });
});
