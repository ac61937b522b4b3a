// SPDX-License-Identifier: Apache-2.0

/** A change in a store. `delete` carries the last state. */
export interface StoreEvent<T> {
  readonly type: "upsert" | "delete";
  readonly item: T;
}

/**
 * Storage below a registry chain. Items handed in and out are copies. Queries match as upstream's `matchutils`
 * (unset fields match anything). Suite: `registryStoreContract` of `@nsm/testkit`.
 */
export interface RegistryStore<T extends { name: string }> {
  /** Inserts or replaces by name. */
  upsert(item: T, signal: AbortSignal): Promise<T>;
  /**
   * Removes by name; removing an absent name succeeds.
   * @param precondition the stored item stays when this answers false
   */
  remove(name: string, signal: AbortSignal, precondition?: (stored: T) => boolean): Promise<void>;
  find(query: T, signal: AbortSignal): Promise<T[]>;
  /**
   * Present items, then changes until abort, with no gap between. A watcher slower than the changes gets the
   * last state per name; it never blocks others.
   */
  watch(query: T, signal: AbortSignal): AsyncIterable<StoreEvent<T>>;
  /** Number of items and watchers. */
  statistics(): Record<string, number>;
}
