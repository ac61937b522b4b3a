// SPDX-License-Identifier: Apache-2.0
import {
  type ConnectionEvent,
  ConnectionEventType,
  clone,
  filterConnections,
  type MonitorScopeSelector,
  type Connection as WireConnection,
} from "@nsm/api";
import { type Context, type MonitorService, withSignal } from "@nsm/core";
import { Topics } from "../../../utils/topics/index.js";
import type { EventConsumer } from "./context.js";
import { type ConnectionMap, Subscriber } from "./subscriber.js";

/** What happened to a connection. */
interface Change {
  readonly type: ConnectionEventType;
  readonly connections: ConnectionMap;
}

/** Topic of readers that do not ask for one path segment. */
const ALL_SEGMENTS = "";

/** Values by key, without empty sets. */
class Index<T> {
  readonly #sets = new Map<string, Set<T>>();

  add(key: string, value: T): void {
    const set = this.#sets.get(key) ?? new Set();
    set.add(value);
    this.#sets.set(key, set);
  }

  delete(key: string, value: T): void {
    const set = this.#sets.get(key);
    set?.delete(value);
    if (set?.size === 0) this.#sets.delete(key);
  }

  get(key: string): Iterable<T> {
    return this.#sets.get(key) ?? [];
  }
}

const segmentIds = (connection: WireConnection): string[] =>
  connection.path?.pathSegments.map(({ id }) => id) ?? [];

/** The id that a connection must have in its path to match; undefined when the selector names none. */
const wantedId = (selector: MonitorScopeSelector): string | undefined =>
  selector.pathSegments.find(({ id }) => id !== "")?.id;

/**
 * Connections of a server and those who follow them: serves `MonitorConnection`. The first event of a reader is
 * INITIAL_STATE_TRANSFER with the matching connections; streams end with the reader or with `chainCtx`.
 * A reader that wants one path segment (every hop does so per connection) costs nothing for events of others:
 * connections and readers are indexed by segment id. State: a copy of each connection, unread events per reader.
 * Upstream: the MonitorConnectionServer of `monitor`. Deviation: a slow reader gets the last state of each
 * connection instead of every event in between.
 */
export class ConnectionEvents implements EventConsumer, MonitorService {
  readonly #connections = new Map<string, WireConnection>();
  readonly #connectionsBySegment = new Index<string>();
  readonly #changesBySegment = new Topics<Change>();
  readonly #chainCtx: Context;

  /** @param chainCtx lifetime */
  constructor(chainCtx: Context) {
    this.#chainCtx = chainCtx;
  }

  /** Stores (UPDATE) or removes (DELETE) connections and tells the readers; an initial state is ignored. */
  send(event: ConnectionEvent): void {
    if (event.type === ConnectionEventType.INITIAL_STATE_TRANSFER) return;
    for (const [id, given] of Object.entries(event.connections)) {
      const connection = clone(given);
      this.#remove(id);
      if (event.type === ConnectionEventType.UPDATE) this.#store(id, connection);
      this.#tell(event.type, id, connection);
    }
  }

  async *monitorConnections(ctx: Context, selector: MonitorScopeSelector): AsyncGenerator<ConnectionEvent> {
    const subscriber = new Subscriber(this.#matching(selector));
    const following = this.#changesBySegment.follow(wantedId(selector) ?? ALL_SEGMENTS, (change) =>
      subscriber.push(change.type, filterConnections(change.connections, selector)),
    );
    const alive = withSignal(ctx, this.#chainCtx.signal);
    try {
      yield* subscriber.read(alive.ctx.signal);
    } finally {
      alive.cancel();
      following.unsubscribe();
    }
  }

  /** Numbers of connections and readers. */
  statistics(): Record<string, number> {
    return { connections: this.#connections.size, subscribers: this.#changesBySegment.subscribers };
  }

  #matching(selector: MonitorScopeSelector): ConnectionMap {
    const id = wantedId(selector);
    const ids = id === undefined ? this.#connections.keys() : this.#connectionsBySegment.get(id);
    const candidates: { [id: string]: WireConnection | undefined } = {};
    for (const candidate of ids) candidates[candidate] = this.#connections.get(candidate);
    return filterConnections(candidates, selector);
  }

  #tell(type: ConnectionEventType, id: string, connection: WireConnection): void {
    const change: Change = { type, connections: { [id]: connection } };
    const segments = new Set(segmentIds(connection)).add(ALL_SEGMENTS);
    for (const segment of segments) this.#changesBySegment.announce(segment, change);
  }

  #store(id: string, connection: WireConnection): void {
    this.#connections.set(id, connection);
    for (const segmentId of segmentIds(connection)) this.#connectionsBySegment.add(segmentId, id);
  }

  #remove(id: string): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#connections.delete(id);
    for (const segmentId of segmentIds(connection)) this.#connectionsBySegment.delete(segmentId, id);
  }
}
