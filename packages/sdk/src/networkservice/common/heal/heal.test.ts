// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, State } from "@nsm/api";
import {
  Code,
  type Connection,
  chain,
  type Liveness,
  type NetworkServiceElement,
  StatusError,
  sleep,
  start,
  withCancel,
} from "@nsm/core";
import {
  capture,
  elementContract,
  injectError,
  MemoryNetwork,
  requestWith,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { metadataClient } from "../../utils/metadata/index.js";
import { beginClient, eventFactory } from "../begin/index.js";
import { clientConnClient } from "../client-conn/index.js";
import { ConnectionEvents } from "../monitor/index.js";
import { type HealOptions, healClient } from "./index.js";

elementContract((clock) => healClient(testContext({ clock })), {
  before: () => [beginClient(), metadataClient()],
});

const url = new URL("unix:///run/next.sock");

const newRequest = (id = "id-0") =>
  requestWith({ id, networkService: "ns", path: { pathSegments: [{ name: "nsc", id }] } });

/** The same connection as the next hop announces it. */
function eventOf(connection: Connection, state: State, type = ConnectionEventType.UPDATE): ConnectionEvent {
  const path = {
    index: 1,
    pathSegments: [...connection.path.pathSegments.slice(0, 1), { name: "next", id: "next-0" }],
  };
  const announced = requestWith({ id: "next-0", networkService: "ns", state, path }).connection;
  return { type, connections: { "next-0": announced } };
}

/** A client of a next hop; elements `before` stand in front of heal. */
async function setUp(
  { before = [], ...options }: HealOptions & { before?: NetworkServiceElement[] } = {},
  ...behind: NetworkServiceElement[]
) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const network = new MemoryNetwork();
  const events = new ConnectionEvents(life.ctx);
  const listen = () => network.listen(url, { monitor: events }, life.ctx);
  const server = listen();
  const channel = await network.connector().connect(url, { scope: "own", signal: life.ctx.signal });
  const heal = healClient(life.ctx, options);
  const seen = capture();
  /** The next hop knows the connection as soon as its Request comes. */
  const known: NetworkServiceElement = {
    name: "known",
    request(requestCtx, request, next) {
      events.send(eventOf(request.connection, State.UP));
      return next.request(requestCtx, request);
    },
  };
  const client = start(
    chain(
      "test",
      beginClient(),
      metadataClient(),
      clientConnClient(channel),
      ...before,
      heal,
      seen,
      known,
      ...behind,
    ),
  );
  const ctx = testContext({ clock, timeoutMs: 15_000 });
  /** Whether the last Request asks for another endpoint. */
  const reselected = () => seen.lastRequest?.connection.state === State.RESELECT_REQUESTED;
  return { clock, life, network, events, listen, server, heal, seen, client, ctx, reselected };
}

/** A liveness check whose outcome is set from outside. */
function switchable(alive = true) {
  const liveness: Liveness & { outcome: boolean; checks: number } = {
    outcome: alive,
    checks: 0,
    alive: async () => {
      liveness.checks += 1;
      return liveness.outcome;
    },
  };
  return liveness;
}

describe("heal client without liveness check", () => {
  it("asks for another endpoint when the next hop says DOWN, after closing the old way", async () => {
    const { clock, client, ctx, events, seen, reselected } = await setUp();
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.settle();
    expect([seen.requests.length, seen.closed.length]).toEqual([2, 1]);
    expect(reselected()).toBe(true);
  });

  it("asks for another endpoint when the next hop deletes the connection", async () => {
    const { clock, client, ctx, events, reselected } = await setUp();
    const connection = await client.request(ctx, newRequest());
    events.send(eventOf(connection, State.UP));
    await clock.settle();
    events.send(eventOf(connection, State.UP, ConnectionEventType.DELETE));
    await clock.settle();
    expect(reselected()).toBe(true);
  });

  it("asks for another endpoint when the next hop has lost the connection before it is watched", async () => {
    let forget = (connection: Connection): void => void connection;
    const late: NetworkServiceElement = {
      name: "late",
      request: async (_ctx, { connection }) => {
        forget(connection);
        return connection;
      },
    };
    const { clock, client, ctx, events, seen, reselected } = await setUp({}, late);
    forget = (connection) => {
      forget = () => {};
      events.send(eventOf(connection, State.UP, ConnectionEventType.DELETE));
    };
    await client.request(ctx, newRequest());
    await clock.advance(0);
    expect([seen.requests.length, reselected()]).toEqual([2, true]);
  });

  it("does nothing on other changes", async () => {
    const { clock, client, ctx, events, seen } = await setUp();
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.REFRESH_REQUESTED));
    events.send(eventOf(connection, State.UP));
    await clock.advance(60_000);
    expect(seen.requests).toHaveLength(1);
  });

  it("hears a DOWN that was announced before the Request returned", async () => {
    let announce = (): void => {};
    const early: NetworkServiceElement = {
      name: "early",
      request: async (_ctx, { connection }) => {
        announce();
        return connection;
      },
    };
    const { clock, client, ctx, events, seen } = await setUp({}, early);
    announce = () => {
      announce = () => {};
      events.send(eventOf(newRequest().connection, State.DOWN));
    };
    await client.request(ctx, newRequest());
    await clock.advance(0);
    expect(seen.requests.length).toBeGreaterThan(1);
  });

  it.each([
    [
      "200 ms while the next hop cannot be reached",
      new StatusError(Code.UNAVAILABLE, "gone", { reason: "DIAL" }),
      200,
    ],
    ["1 s while it answers with an error", new Error("all candidates have failed"), 1000],
  ])("repeats after 50 ms, then twice as long up to %s", async (_title, error, longestMs) => {
    let isBroken = false;
    const failing: NetworkServiceElement = {
      name: "failing",
      request: (ctx, request, next) => {
        if (isBroken) throw error;
        return next.request(ctx, request);
      },
    };
    const { clock, client, ctx, server, listen, seen, heal } = await setUp({ random: () => 0 }, failing);
    await client.request(ctx, newRequest());
    await clock.settle();
    isBroken = true;
    server.kill();
    await clock.settle();
    expect(seen.requests).toHaveLength(2);
    for (const nominalMs of [50, 100, 200, 400, 800, 1600, 3200]) {
      const before = seen.requests.length;
      await clock.advance(Math.min(nominalMs, longestMs) - 1);
      expect(seen.requests).toHaveLength(before);
      await clock.advance(1);
      expect(seen.requests).toHaveLength(before + 1);
    }
    listen();
    isBroken = false;
    const { length } = seen.requests;
    await clock.advance(60_000);
    expect(seen.requests).toHaveLength(length + 1);
    expect(heal.statistics?.()).toEqual({ watched: 1 });
  });

  it("repeats at least every 200 ms while a manager that has just come back knows no forwarder, for 3 s", async () => {
    const noForwarder = new StatusError(Code.NOT_FOUND, "no candidates found");
    const failures: unknown[] = [];
    const failing: NetworkServiceElement = {
      name: "failing",
      request: (ctx, request, next) => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        return next.request(ctx, request);
      },
    };
    const { clock, client, ctx, events, seen } = await setUp({ random: () => 0 }, failing);
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    const gone = new StatusError(Code.UNAVAILABLE, "failed to dial", { reason: "DIAL" });
    failures.push(...Array(20).fill(gone), ...Array(40).fill(noForwarder));
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(50 + 100 + 18 * 200); // the last one that cannot reach it is the 21st
    const { length } = seen.requests;
    await clock.advance(2_999);
    expect(seen.requests).toHaveLength(length + 14);
    await clock.advance(10_000);
    expect(seen.requests.length).toBeLessThan(length + 14 + 12);
  });

  it("repeats 50 ms after an attempt that took longer than the pause", async () => {
    const slow: NetworkServiceElement = {
      name: "slow",
      request: async (ctx, request, next) => {
        if (seen.requests.length === 1) return await next.request(ctx, request);
        await sleep(ctx, 3000);
        throw new StatusError(Code.DEADLINE_EXCEEDED, "no answer");
      },
    };
    const { clock, client, ctx, events, seen } = await setUp({ random: () => 0 }, slow);
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(5 * 3050 - 1);
    expect(seen.requests).toHaveLength(1 + 5);
    await clock.advance(1);
    expect(seen.requests).toHaveLength(1 + 6);
  });

  it("keeps pauses when repairs succeed but do not last", async () => {
    const { clock, client, ctx, server, seen } = await setUp();
    await client.request(ctx, newRequest());
    await clock.settle();
    server.kill();
    await clock.advance(1000);
    expect(seen.requests.length).toBeGreaterThan(4);
    expect(seen.requests.length).toBeLessThan(9);
  });

  it("watches again after a Request that failed on an established connection", async () => {
    const { clock, client, ctx, events, seen } = await setUp({}, injectError({ request: [1] }));
    const connection = await client.request(ctx, newRequest());
    await expect(client.request(ctx, newRequest())).rejects.toThrow("error originates in chain");
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.settle();
    expect(seen.requests).toHaveLength(3);
  });

  it("stops a repair once another Request has succeeded", async () => {
    const { clock, client, ctx, events, seen } = await setUp({}, injectError({ request: [1, 2] }));
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(10);
    expect(seen.requests).toHaveLength(2);
    await expect(client.request(ctx, newRequest())).rejects.toThrow();
    events.send(eventOf(connection, State.UP));
    await client.request(ctx, newRequest());
    await clock.advance(60_000);
    expect(seen.requests).toHaveLength(4);
  });

  it("refuses refreshes during its pauses, and takes them again once it has ended", async () => {
    const error = new Error("all candidates have failed");
    let isBroken = false;
    const failing: NetworkServiceElement = {
      name: "failing",
      request: (ctx, request, next) => {
        if (isBroken) throw error;
        return next.request(ctx, request);
      },
    };
    let refresh = async (): Promise<void> => {};
    const refreshing: NetworkServiceElement = {
      name: "refreshing",
      request: (ctx, request, next) => {
        refresh = () => ctx.get(eventFactory)?.request() ?? Promise.resolve();
        return next.request(ctx, request);
      },
    };
    const { clock, client, ctx, events, seen } = await setUp({ before: [refreshing] }, failing);
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    isBroken = true;
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(10);
    const { length } = seen.requests;
    await expect(refresh()).rejects.toMatchObject({ reason: "BEING_REPAIRED" });
    expect(seen.requests).toHaveLength(length);
    await expect(client.request(ctx, newRequest())).rejects.toThrow(error);
    isBroken = false;
    events.send(eventOf(connection, State.UP));
    await clock.advance(1_000);
    const healed = seen.requests.length;
    await refresh();
    expect(seen.requests).toHaveLength(healed + 1);
  });

  it("ends with Close, also while it repairs", async () => {
    const { clock, client, ctx, events, seen, heal } = await setUp(
      {},
      injectError({ request: [1, -1], close: [] }),
    );
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(60);
    const attempts = seen.requests.length;
    await client.close(ctx, connection);
    expect(heal.statistics?.()).toEqual({ watched: 0 });
    await clock.advance(60_000);
    expect(seen.requests).toHaveLength(attempts);
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends with the chain", async () => {
    const { clock, client, ctx, life, events, seen, heal } = await setUp();
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    life.cancel();
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(60_000);
    expect(seen.requests).toHaveLength(1);
    expect(heal.statistics?.()).toEqual({ watched: 0 });
  });

  it("never keeps a Request waiting for the stream, and takes a silent next hop as lost after 15 s", async () => {
    const { clock, client, ctx, server, seen } = await setUp();
    server.pause();
    await client.request(ctx, newRequest());
    await clock.advance(14_999);
    expect(seen.requests).toHaveLength(1);
    await clock.advance(1);
    expect(seen.requests).toHaveLength(2);
  });

  it.each([
    [Code.CANCELLED, 1],
    [Code.UNIMPLEMENTED, 1],
    [Code.PERMISSION_DENIED, 1],
    [Code.UNKNOWN, 2],
  ])("takes a stream that ends with code %s as written", async (code, requests) => {
    const { clock, client, ctx, network, server, life, seen } = await setUp();
    server.close();
    let opened = 0;
    network.listen(
      url,
      {
        monitor: {
          async *monitorConnections() {
            yield eventOf(newRequest().connection, State.UP, ConnectionEventType.INITIAL_STATE_TRANSFER);
            if (opened++ === 0) throw new StatusError(code, "over");
            await new Promise(() => {});
          },
        },
      },
      life.ctx,
    );
    await client.request(ctx, newRequest());
    await clock.advance(10_000);
    expect(seen.requests).toHaveLength(requests);
  });

  it("leaves a connection without channel alone", async () => {
    const clock = new VirtualClock();
    const ctx = testContext({ clock });
    const heal = healClient(ctx);
    await start(chain("test", beginClient(), metadataClient(), heal)).request(ctx, newRequest());
    expect(heal.statistics?.()).toEqual({ watched: 0 });
  });
});

describe("heal client with liveness check", () => {
  it("asks for another endpoint when the data path is dead, though the control plane is well", async () => {
    const liveness = switchable();
    const { clock, client, ctx, seen, reselected } = await setUp({ liveness });
    await client.request(ctx, newRequest());
    await clock.advance(1000);
    expect([liveness.checks, seen.requests.length]).toEqual([5, 1]);
    liveness.outcome = false;
    await clock.advance(200);
    liveness.outcome = true;
    expect([seen.requests.length, seen.closed.length]).toEqual([2, 1]);
    expect(reselected()).toBe(true);
    await clock.advance(10_000);
    expect(seen.requests).toHaveLength(2);
  });

  it("keeps the endpoint while the data path is alive, and gives it up for good once it is dead", async () => {
    const liveness = switchable();
    const { clock, client, ctx, events, seen, reselected } = await setUp(
      { liveness },
      injectError({ request: [1, 2, 3, 4] }),
    );
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(50);
    expect([seen.requests.length, seen.closed.length, reselected()]).toEqual([3, 0, false]);
    liveness.outcome = false;
    await clock.advance(100);
    expect([seen.requests.length, seen.closed.length, reselected()]).toEqual([4, 1, true]);
    liveness.outcome = true;
    events.send(eventOf(connection, State.UP));
    await clock.advance(400);
    expect(reselected()).toBe(true);
  });

  it("gives the data path 250 ms to answer once the next hop says DOWN", async () => {
    const timeoutsMs: number[] = [];
    let isSilent = false;
    const liveness: Liveness = {
      alive: (_connection, timeoutMs) => {
        timeoutsMs.push(timeoutMs);
        return isSilent ? new Promise(() => {}) : Promise.resolve(true);
      },
    };
    const { clock, client, ctx, events, seen, reselected } = await setUp({
      liveness,
      livenessIntervalMs: 10_000,
      livenessTimeoutMs: 1000,
    });
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    isSilent = true;
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(249);
    expect([seen.requests.length, timeoutsMs.length]).toEqual([1, 1]);
    expect(timeoutsMs[0]).toBeLessThanOrEqual(250);
    await clock.advance(1);
    expect([seen.requests.length, reselected()]).toEqual([2, true]);
  });

  it("HEAL-26 waits while an endpoint that the registry does not know is reachable, moves on at once when it is not", async () => {
    const liveness = switchable();
    let isKnown = true;
    const discover: NetworkServiceElement = {
      name: "discover",
      request: async (ctx, request, next) => {
        const { networkServiceEndpointName: name } = request.connection;
        if (name !== "" && !isKnown) {
          throw new StatusError(Code.NOT_FOUND, `0. network service endpoint ${name} not found: all failed`);
        }
        request.connection.networkServiceEndpointName ||= isKnown ? "nse-1" : "nse-2";
        return next.request(ctx, request);
      },
    };
    const { clock, client, ctx, events, seen, reselected } = await setUp(
      { liveness, random: () => 0 },
      discover,
    );
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    isKnown = false;
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(10_000);
    const { length } = seen.requests;
    await clock.advance(10_000);
    expect([seen.requests.length - length, reselected()]).toEqual([5, false]);
    await clock.advance(100);
    events.send(eventOf(connection, State.UP));
    liveness.outcome = false;
    await clock.advance(200);
    liveness.outcome = true;
    expect([seen.requests.length - length, seen.closed.length, reselected()]).toEqual([6, 1, true]);
    await clock.advance(10_000);
    expect(seen.requests.length - length).toBe(6);
  });

  it("makes longer pauses when repairs succeed but neither way lasts", async () => {
    const liveness = switchable(false);
    const { clock, client, ctx, events, seen } = await setUp({ liveness, livenessIntervalMs: 10_000 });
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(10_000);
    expect(seen.requests.length).toBeLessThan(20);
  });

  it("begins with short pauses again when it turns to other endpoints", async () => {
    const liveness = switchable();
    const { clock, client, ctx, events, seen } = await setUp(
      { liveness, random: () => 0 },
      injectError({ request: [1, -1], close: [] }),
    );
    const connection = await client.request(ctx, newRequest());
    await clock.settle();
    events.send(eventOf(connection, State.DOWN));
    await clock.advance(5_000);
    liveness.outcome = false;
    const kept = seen.requests.length;
    for (let ms = 0; ms < 200 && seen.requests.length === kept; ms++) await clock.advance(1);
    const { length } = seen.requests;
    expect(length).toBe(kept + 1);
    for (const [index, pauseMs] of [50, 100, 200].entries()) {
      await clock.advance(pauseMs);
      expect(seen.requests).toHaveLength(length + index + 1);
    }
  });

  it("gives a check that never answers its time and one interval", async () => {
    const liveness: Liveness = { alive: () => new Promise(() => {}) };
    const { clock, client, ctx, seen } = await setUp({
      liveness,
      livenessIntervalMs: 1000,
      livenessTimeoutMs: 500,
    });
    await client.request(ctx, newRequest());
    await clock.advance(2499);
    expect(seen.requests).toHaveLength(1);
    await clock.advance(1);
    expect(seen.requests).toHaveLength(2);
  });

  it("counts a check that cannot run as alive", async () => {
    const liveness: Liveness = { alive: () => Promise.reject(new Error("no socket")) };
    const { clock, client, ctx, seen } = await setUp({ liveness });
    await client.request(ctx, newRequest());
    await clock.advance(10_000);
    expect(seen.requests).toHaveLength(1);
  });

  it("goes on checking when the next hop serves no monitor", async () => {
    const liveness = switchable();
    const { clock, client, ctx, network, server, life, seen } = await setUp({ liveness });
    server.close();
    network.listen(url, {}, life.ctx);
    await client.request(ctx, newRequest());
    await clock.advance(1000);
    expect(seen.requests).toHaveLength(1);
    liveness.outcome = false;
    await clock.advance(200);
    expect(seen.requests.length).toBeGreaterThan(1);
  });
});
