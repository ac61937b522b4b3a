// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType } from "@nsm/api";
import { Code, type MonitorService, type NetworkServiceElement, StatusError, withCancel } from "@nsm/core";
import type { Endpoint } from "./endpoint.js";

/** The two services of a combined server. */
export type CombinedEndpoint = Pick<Endpoint, "networkService" | "monitor">;

/** What came of one part's stream, and how to read on there. */
interface Arrival {
  readonly event: Promise<IteratorResult<ConnectionEvent>>;
  readonly readOn: () => void;
}

/** Events of several streams, each read one ahead, in the order of their coming. */
class Arrivals {
  readonly #waiting: Arrival[] = [];
  #wake = (): void => {};

  read(iterator: AsyncIterator<ConnectionEvent>): void {
    const event = iterator.next();
    const arrive = (): void => {
      this.#waiting.push({ event, readOn: () => this.read(iterator) });
      this.#wake();
    };
    event.then(arrive, arrive);
  }

  async next(): Promise<Arrival> {
    for (;;) {
      const first = this.#waiting.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function combinedMonitor(monitors: readonly MonitorService[]): MonitorService {
  return {
    async *monitorConnections(ctx, selector) {
      const all = withCancel(ctx);
      const iterators = monitors.map((monitor) =>
        monitor.monitorConnections(all.ctx, selector)[Symbol.asyncIterator](),
      );
      try {
        const initial: ConnectionEvent = {
          type: ConnectionEventType.INITIAL_STATE_TRANSFER,
          connections: {},
        };
        for (const first of await Promise.all(iterators.map((iterator) => iterator.next()))) {
          if (first.done) return;
          Object.assign(initial.connections, first.value.connections);
        }
        yield initial;
        const arrivals = new Arrivals();
        for (const iterator of iterators) arrivals.read(iterator);
        for (;;) {
          const { event, readOn } = await arrivals.next();
          const { done, value } = await event;
          if (done) return;
          if (value.type === ConnectionEventType.INITIAL_STATE_TRANSFER) {
            throw new StatusError(Code.INTERNAL, "a second initial state came from one monitor", {
              reason: "SECOND_INITIAL_STATE",
            });
          }
          yield value;
          readOn();
        }
      } finally {
        all.cancel();
        for (const iterator of iterators) iterator.return?.().catch(() => {});
      }
    },
  };
}

/**
 * Several servers behind one address: `select` makes one element of theirs (for example `switch-case`), and whoever
 * follows events sees the connections of all: one initial state, then every change. The stream ends when that of any
 * part ends. State: none. Upstream: `endpoint.Combine`.
 * @param select gets the servers in the order of `endpoints`
 * @throws INTERNAL SECOND_INITIAL_STATE (MonitorConnections) when a part sends its initial state twice
 */
export function combine(
  select: (servers: readonly NetworkServiceElement[]) => NetworkServiceElement,
  ...endpoints: readonly [CombinedEndpoint, ...CombinedEndpoint[]]
): CombinedEndpoint {
  return {
    networkService: select(endpoints.map(({ networkService }) => networkService)),
    monitor: combinedMonitor([...new Set(endpoints.map(({ monitor }) => monitor))]),
  };
}
