// SPDX-License-Identifier: Apache-2.0
import { namespaceDevice } from "./accept.js";
import { Messages } from "./message.js";
import { Poller } from "./poller.js";
import type { Counters, FdpassStatistics } from "./statistics.js";

/** What all connections of one thread use together. */
export interface Shared {
  readonly poller: Poller;
  readonly messages: Messages;
  readonly counters: Counters;
  /** Device of nsfs. */
  readonly namespaces: bigint;
}

// One per process and not per daemon: like libuv's own loop it belongs to the machine's thread, not to a caller,
// and it holds nothing of any connection once that is closed.
let instance: Shared | undefined;

/** The parts common to all connections, made at the first use. */
export function shared(): Shared {
  instance ??= {
    poller: new Poller(),
    messages: new Messages(),
    counters: { connections: 0, unclaimed: 0, claimed: 0 },
    namespaces: namespaceDevice(),
  };
  return instance;
}

/** Counts over all connections of this process, for a debug endpoint. */
export const fdpassStatistics = (): FdpassStatistics => ({ ...shared().counters });
