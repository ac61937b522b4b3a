// SPDX-License-Identifier: Apache-2.0
import type { StreamEvents } from "../workload-api/stream.js";

/** A Workload API without a network: the test speaks for it. */
export class FakeApi {
  /** When calls were made, milliseconds since the epoch. */
  readonly calls: number[] = [];
  /** Calls that the client ended. */
  cancelled = 0;
  #events: StreamEvents | undefined;

  constructor(private readonly now: () => number) {}

  /** What `followSvids` opens streams with. */
  readonly open = (events: StreamEvents): (() => void) => {
    this.calls.push(this.now());
    this.#events = events;
    return () => {
      this.cancelled++;
      this.#events = undefined;
    };
  };

  /** Whether a call is open. */
  get isOpen(): boolean {
    return this.#events !== undefined;
  }

  send(response: Uint8Array): void {
    if (this.#events === undefined) throw new Error("no call is open");
    this.#events.message(response);
  }

  end(code: number, text = ""): void {
    const events = this.#events;
    if (events === undefined) throw new Error("no call is open");
    this.#events = undefined;
    events.end(code, text);
  }
}
