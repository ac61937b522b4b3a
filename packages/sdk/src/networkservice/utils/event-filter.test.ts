// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, State } from "@nsm/api";
import type { Connection } from "@nsm/core";
import { connectionWith } from "@nsm/testkit";
import { ownConnectionFilter } from "./event-filter.js";

const { UPDATE, DELETE, INITIAL_STATE_TRANSFER } = ConnectionEventType;
const path = (index: number, ids = ["nsc", "own", "next"]) => ({
  index,
  pathSegments: ids.map((id) => ({ name: `name-${id}`, id })),
});
const own = connectionWith({ id: "own", path: path(1), mechanism: { type: "KERNEL" }, labels: { a: "1" } });
const event = (type: ConnectionEventType, ...connections: Connection[]): ConnectionEvent => ({
  type,
  connections: Object.fromEntries(connections.map((connection) => [connection.id, connection])),
});
const incoming = (partial: object = {}) => connectionWith({ id: "next", path: path(2), ...partial });

describe("event filter", () => {
  it("takes path, context and state of the next hop and keeps everything else", () => {
    const filter = ownConnectionFilter(own);
    const changed = incoming({ state: State.DOWN, context: { MTU: 1400 }, labels: { b: "2" } });
    expect(filter(event(UPDATE, changed))).toMatchObject({
      id: "own",
      path: { index: 1 },
      mechanism: { type: "KERNEL" },
      labels: { a: "1" },
      state: State.DOWN,
      context: { MTU: 1400 },
    });
  });

  it("takes a deletion as DOWN", () => {
    expect(ownConnectionFilter(own)(event(DELETE, incoming()))?.state).toBe(State.DOWN);
    expect(ownConnectionFilter(own, { skipDelete: true })(event(DELETE, incoming()))).toBeUndefined();
  });

  it.each([
    ["another id in the own segment", incoming({ path: path(2, ["nsc", "other", "next"]) })],
    ["too short a path", incoming({ path: path(0, ["nsc"]) })],
    ["an index further away", incoming({ path: path(3, ["nsc", "own", "next", "end"]) })],
  ])("skips %s", (_text, connection) => {
    connection.state = State.DOWN;
    expect(ownConnectionFilter(own)(event(UPDATE, connection))).toBeUndefined();
  });

  it("reports a state once, and again after it changed back", () => {
    const filter = ownConnectionFilter(own);
    expect(filter(event(UPDATE, incoming({ state: State.DOWN })))?.state).toBe(State.DOWN);
    expect(filter(event(UPDATE, incoming({ state: State.DOWN })))).toBeUndefined();
    expect(filter(event(UPDATE, incoming({ state: State.UP })))?.state).toBe(State.UP);
  });

  it("takes an initial state without the connection as DOWN: the next hop has lost it", () => {
    const filter = ownConnectionFilter(own, { skipUnchangedInitialState: true, skipDelete: true });
    expect(filter(event(INITIAL_STATE_TRANSFER))).toMatchObject({
      id: "own",
      path: own.path,
      state: State.DOWN,
    });
    expect(filter(event(INITIAL_STATE_TRANSFER))).toBeUndefined();
    expect(filter(event(UPDATE, incoming()))?.state).toBe(State.UP);
  });

  it("skips an initial state that is the known one, only where asked to", () => {
    const initial = event(INITIAL_STATE_TRANSFER, incoming({ context: { MTU: 1 } }));
    expect(ownConnectionFilter(own, { skipUnchangedInitialState: true })(initial)).toBeUndefined();
    expect(ownConnectionFilter(own)(initial)).toBeDefined();
  });
});
