// SPDX-License-Identifier: Apache-2.0
import type { RefreshNotifier } from "./context.js";

/**
 * Tells the connections of one process of each other's changes. Several notifications that a connection has not
 * acted on yet are one. State: a callback per connection. Upstream: `upstreamrefresh.NewNotifier`.
 */
export class LocalRefreshNotifier implements RefreshNotifier {
  readonly #subscribers = new Map<string, () => void>();

  /** Connections that listen. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** Replaces the callback of a connection; it must not block. Returns the end of it. */
  subscribe(connectionId: string, callback: () => void): () => void {
    this.#subscribers.set(connectionId, callback);
    return () => {
      if (this.#subscribers.get(connectionId) === callback) this.#subscribers.delete(connectionId);
    };
  }

  notifyOthers(connectionId: string): void {
    for (const [id, callback] of [...this.#subscribers]) if (id !== connectionId) callback();
  }
}
