// SPDX-License-Identifier: Apache-2.0
import { timestampToMs } from "@nsm/api";
import { Code, type RegistryItem, StatusError } from "@nsm/core";

/** Names of expired registrations are looked for this often, when something registers. */
const SWEEP_INTERVAL_MS = 60_000;

/**
 * Who registered each name: the path ids of its registration, first the owner. A name is free again when its
 * registration is unregistered or has expired. In memory. Upstream: `nsPathIdsMap` and `nsePathIdsMap`, which keep
 * expired ones for ever.
 */
export class Owners {
  /** As policies read it; a name of any text is an own property. */
  readonly document: Record<string, readonly string[]> = Object.create(null);
  readonly #expiriesMs = new Map<string, number>();
  #size = 0;
  #sweptMs = Number.NEGATIVE_INFINITY;

  /** @param maxNames more names are refused */
  constructor(private readonly maxNames = Number.POSITIVE_INFINITY) {}

  /** Number of names. */
  get size(): number {
    return this.#size;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.document, name);
  }

  /** Frees a name whose registration has expired, and now and then all such names. */
  dropExpired(name: string, nowMs: number): void {
    if (nowMs >= (this.#expiriesMs.get(name) ?? Number.POSITIVE_INFINITY)) this.forget(name);
    if (nowMs - this.#sweptMs < SWEEP_INTERVAL_MS) return;
    this.#sweptMs = nowMs;
    for (const [other, expiryMs] of this.#expiriesMs) if (nowMs >= expiryMs) this.forget(other);
  }

  /**
   * Takes a free name before its registration goes on, so that of two callers at once only one gets it.
   * @returns gives the name back, unless it was registered since; undefined when the name is not free
   * @throws RESOURCE_EXHAUSTED TOO_MANY_NAMES
   */
  reserve(name: string, pathIds: readonly string[]): (() => void) | undefined {
    if (this.has(name)) return undefined;
    if (this.#size >= this.maxNames) {
      throw new StatusError(
        Code.RESOURCE_EXHAUSTED,
        `no more than ${this.maxNames} names can be registered`,
        {
          reason: "TOO_MANY_NAMES",
        },
      );
    }
    const reserved = [...pathIds];
    this.#set(name, reserved);
    return () => {
      if (this.document[name] === reserved) this.forget(name);
    };
  }

  /** Remembers a registration as it was answered. */
  keep(
    item: RegistryItem & { readonly expirationTime?: Parameters<typeof timestampToMs>[0] | undefined },
  ): void {
    this.#set(item.name, [...item.pathIds]);
    if (item.expirationTime === undefined) this.#expiriesMs.delete(item.name);
    else this.#expiriesMs.set(item.name, timestampToMs(item.expirationTime));
  }

  forget(name: string): void {
    if (!this.has(name)) return;
    delete this.document[name];
    this.#expiriesMs.delete(name);
    this.#size -= 1;
  }

  #set(name: string, pathIds: readonly string[]): void {
    if (!this.has(name)) this.#size += 1;
    this.document[name] = pathIds;
  }
}
