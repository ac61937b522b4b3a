// SPDX-License-Identifier: Apache-2.0
import type { Connection } from "@nsm/core";

/** Largest Ethernet payload in use (jumbo frames), bytes. */
const MTU_START_BYTES = 9000;

/** The smallest MTU seen so far; it never grows again. */
export class SmallestMtu {
  #bytes = MTU_START_BYTES;

  get bytes(): number {
    return this.#bytes;
  }

  /** Limits the MTU of a connection; 0 means it has none yet. */
  limit({ context }: Connection): void {
    if (context.MTU === 0 || context.MTU > this.#bytes) context.MTU = this.#bytes;
  }

  /** Takes the MTU of an answer into account; true when it is smaller than all before. */
  lower({ context }: Connection): boolean {
    if (context.MTU === 0 || context.MTU >= this.#bytes) return false;
    this.#bytes = context.MTU;
    return true;
  }
}
