// SPDX-License-Identifier: Apache-2.0
import {
  type ConnectionEvent,
  ConnectionEventType,
  clone,
  type Connection as WireConnection,
} from "@nsm/api";

/** Connections by id as events carry them. */
export type ConnectionMap = ConnectionEvent["connections"];

/**
 * One reader of events. A slow reader costs others nothing: of every connection only the last event not read yet
 * is kept, in the order in which these came.
 */
export class Subscriber {
  #initial: ConnectionMap | undefined;
  readonly #pending = new Map<string, { type: ConnectionEventType; connection: WireConnection }>();
  #wake: (() => void) | undefined;

  /** @param initial read first, also when empty; not copied here */
  constructor(initial: ConnectionMap) {
    this.#initial = initial;
  }

  /** Events not read yet. */
  get size(): number {
    return this.#pending.size + (this.#initial === undefined ? 0 : 1);
  }

  /** Adds one event per connection; `connections` are copied when read. */
  push(type: ConnectionEventType, connections: ConnectionMap): void {
    for (const [id, connection] of Object.entries(connections)) {
      this.#pending.delete(id);
      this.#pending.set(id, { type, connection });
    }
    if (this.#pending.size > 0) this.#wake?.();
  }

  /** Events until `signal` is aborted. */
  async *read(signal: AbortSignal): AsyncGenerator<ConnectionEvent> {
    const onAbort = (): void => this.#wake?.();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const event = this.#shift();
        if (event !== undefined) {
          yield event;
          continue;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #shift(): ConnectionEvent | undefined {
    if (this.#initial !== undefined) {
      const connections = clone(this.#initial);
      this.#initial = undefined;
      return { type: ConnectionEventType.INITIAL_STATE_TRANSFER, connections };
    }
    const [first] = this.#pending;
    if (first === undefined) return undefined;
    const [id, { type, connection }] = first;
    this.#pending.delete(id);
    return { type, connections: { [id]: clone(connection) } };
  }
}
