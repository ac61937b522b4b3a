// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, MonitorScopeSelector, State } from "@nsm/api";
import { type Context, withCancel } from "@nsm/core";
import { connectionWith, testContext } from "@nsm/testkit";
import { ConnectionEvents } from "./index.js";

const { UPDATE, DELETE, INITIAL_STATE_TRANSFER } = ConnectionEventType;
const ctx = testContext();

/** A connection of a server, requested by the segment `from`. */
const connectionOf = (id: string, from = `from-${id}`, state = State.UP) =>
  connectionWith({
    id,
    state,
    path: {
      index: 1,
      pathSegments: [
        { name: "nsc", id: from },
        { name: "own", id },
      ],
    },
  });
const selectorOf = (...ids: string[]) =>
  MonitorScopeSelector.fromPartial({ pathSegments: ids.map((id) => ({ id, name: "nsc" })) });

function setUp() {
  const stopped = new AbortController();
  const events = new ConnectionEvents(testContext({ signal: stopped.signal }));
  const update = (...args: Parameters<typeof connectionOf>) =>
    events.send({ type: UPDATE, connections: { [args[0]]: connectionOf(...args) } });
  const remove = (id: string) => events.send({ type: DELETE, connections: { [id]: connectionOf(id) } });
  const subscribe = (selector = selectorOf(), callCtx: Context = ctx) => {
    const iterator = events.monitorConnections(callCtx, selector)[Symbol.asyncIterator]();
    const next = async (): Promise<ConnectionEvent | undefined> => {
      const { done, value } = await iterator.next();
      return done === true ? undefined : value;
    };
    return { next, iterator };
  };
  return { events, update, remove, subscribe, stopped };
}

const text = (event: ConnectionEvent | undefined): string =>
  event === undefined ? "end" : `${ConnectionEventType[event.type]} ${Object.keys(event.connections).join()}`;

describe("connection events", () => {
  it("start with the initial state, also when it is empty", async () => {
    const { subscribe, update } = setUp();
    expect(text(await subscribe().next())).toBe("INITIAL_STATE_TRANSFER ");
    update("a");
    update("b");
    expect(text(await subscribe().next())).toBe("INITIAL_STATE_TRANSFER a,b");
    expect(text(await subscribe(selectorOf("from-b")).next())).toBe("INITIAL_STATE_TRANSFER b");
  });

  it("reach only those who follow the connection's segment", async () => {
    const { subscribe, update, remove, events } = setUp();
    const [a, b, all] = [subscribe(selectorOf("from-a")), subscribe(selectorOf("from-b")), subscribe()];
    for (const reader of [a, b, all]) await reader.next();
    update("a");
    remove("a");
    update("b");
    expect(text(await a.next())).toBe("DELETE a");
    expect(text(await b.next())).toBe("UPDATE b");
    expect(text(await all.next())).toBe("DELETE a");
    expect(text(await all.next())).toBe("UPDATE b");
    expect(events.statistics()).toEqual({ connections: 1, subscribers: 3 });
  });

  it("come to ten readers in order, each its own copy", async () => {
    const { subscribe, update } = setUp();
    const readers = Array.from({ length: 10 }, () => subscribe());
    for (const { next } of readers) await next();
    for (let i = 0; i < 10; i++) update(`id-${i}`);
    const received = new Set<unknown>();
    for (const { next } of readers) {
      for (let i = 0; i < 10; i++) {
        const event = await next();
        expect(text(event)).toBe(`UPDATE id-${i}`);
        received.add(event!.connections[`id-${i}`]);
      }
    }
    expect(received.size).toBe(100);
  });

  it("are kept for a reader that never reads only as the last state of each connection", async () => {
    const { subscribe, update } = setUp();
    const slow = subscribe();
    await slow.next();
    for (let i = 0; i < 1000; i++) update("a", "from-a", i % 2 === 0 ? State.UP : State.DOWN);
    update("b");
    expect((await slow.next())?.connections.a?.state).toBe(State.DOWN);
    expect(text(await slow.next())).toBe("UPDATE b");
  });

  it("follow a connection whose path changes", async () => {
    const { subscribe, update } = setUp();
    update("a", "old");
    update("a", "new");
    expect(text(await subscribe(selectorOf("old")).next())).toBe("INITIAL_STATE_TRANSFER ");
    expect(text(await subscribe(selectorOf("new")).next())).toBe("INITIAL_STATE_TRANSFER a");
  });

  it("do not repeat an initial state from inside", async () => {
    const { subscribe, events, update } = setUp();
    const reader = subscribe();
    await reader.next();
    events.send({ type: INITIAL_STATE_TRANSFER, connections: { x: connectionOf("x") } });
    update("a");
    expect(text(await reader.next())).toBe("UPDATE a");
  });

  it("end without error with the reader and with the chain, and leave nothing", async () => {
    const { subscribe, events, stopped } = setUp();
    const own = withCancel(ctx);
    const [first, second] = [subscribe(selectorOf(), own.ctx), subscribe(selectorOf("id"))];
    await first.next();
    await second.next();
    const ends = [first.next(), second.next()];
    own.cancel();
    expect(await ends[0]).toBeUndefined();
    stopped.abort();
    expect(await ends[1]).toBeUndefined();
    expect(events.statistics().subscribers).toBe(0);
  });
});
