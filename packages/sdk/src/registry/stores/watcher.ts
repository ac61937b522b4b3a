// SPDX-License-Identifier: Apache-2.0
import type { RegistryItem, StoreEvent } from "@nsm/core";

/**
 * The events one watcher has not taken yet: at most one per name, the latest. A name that came and went between
 * two reads leaves no event, so what waits is bounded by the names that exist and those the watcher has seen.
 * Upstream's queue of ten blocks the whole registry when full.
 */
export class Watcher<T extends RegistryItem> {
  readonly #pending = new Map<string, StoreEvent<T>>();
  /** Names handed out and not yet handed out as deleted. */
  readonly #seen = new Set<string>();
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(private readonly matches: (item: T) => boolean) {}

  /** Queues an event if the watcher wants it; a deletion is matched against the last state. */
  push(event: StoreEvent<T>): void {
    if (this.#ended || !this.matches(event.item)) return;
    const { name } = event.item;
    this.#pending.delete(name);
    if (event.type === "upsert" || this.#seen.has(name)) this.#pending.set(name, event);
    this.#wake?.();
  }

  /** Waits for the next event; undefined when the watch has ended. Events that wait at the end are dropped. */
  async next(): Promise<StoreEvent<T> | undefined> {
    while (!this.#ended) {
      const [event] = this.#pending.values();
      if (event !== undefined) return this.#take(event);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return undefined;
  }

  end(): void {
    this.#ended = true;
    this.#pending.clear();
    this.#wake?.();
  }

  #take(event: StoreEvent<T>): StoreEvent<T> {
    const { name } = event.item;
    this.#pending.delete(name);
    if (event.type === "upsert") this.#seen.add(name);
    else this.#seen.delete(name);
    return event;
  }
}
