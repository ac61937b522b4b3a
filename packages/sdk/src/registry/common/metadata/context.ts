// SPDX-License-Identifier: Apache-2.0
import { type ContextKey, contextKey } from "@nsm/core";

/** Values that elements keep for one registered name, as long as it is registered. */
export class RegistryMetadata {
  readonly #values = new Map<ContextKey<unknown>, unknown>();

  get<T>(key: ContextKey<T>): T | undefined {
    return this.#values.get(key) as T | undefined;
  }

  set<T>(key: ContextKey<T>, value: T): void {
    this.#values.set(key, value);
  }

  /** Takes a value out and returns it. */
  take<T>(key: ContextKey<T>): T | undefined {
    const value = this.get(key);
    this.#values.delete(key);
    return value;
  }
}

/** The values of the name that the call is about; set by `metadata`. */
export const registryMetadata = contextKey<RegistryMetadata>("registry-metadata");
