// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@nsm/core";

/** Those who want to know of changes; one that throws is logged and does not keep the others from knowing. */
export class ChangeCallbacks {
  readonly #callbacks = new Set<() => void>();

  constructor(private readonly log: Logger) {}

  add(callback: () => void): { close(): void } {
    // a wrapper of its own lets one callback be added several times
    const own = (): void => callback();
    this.#callbacks.add(own);
    return { close: () => void this.#callbacks.delete(own) };
  }

  call(): void {
    for (const callback of [...this.#callbacks]) {
      try {
        callback();
      } catch (error) {
        this.log.error({ err: error }, "a callback for changes of the identity failed");
      }
    }
  }

  clear(): void {
    this.#callbacks.clear();
  }
}
