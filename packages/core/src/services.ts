// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import type { Context } from "./context.js";
import type { NetworkServiceElement } from "./element.js";
import type { MonitorService } from "./monitor.js";
import type { RegistryElement } from "./registry.js";

/** What a daemon serves on its sockets; an absent part is answered UNIMPLEMENTED and is not SERVING. */
export interface Services {
  readonly networkService?: NetworkServiceElement;
  readonly monitor?: MonitorService;
  readonly networkServices?: RegistryElement<NetworkService>;
  readonly endpoints?: RegistryElement<NetworkServiceEndpoint>;
}

/**
 * A daemon built from its configuration and ports, bound to no process. The host listens first, then calls
 * `start`; on the way out it calls `stop`, then closes the sockets.
 */
export interface Daemon {
  readonly services: Services;
  /** Registers, connects, starts loops; resolves when the daemon does its job. `ctx` lives as long as the daemon. */
  start?(ctx: Context): Promise<void>;
  /** Graceful end within the deadline of `ctx`: closes connections, unregisters. */
  stop?(ctx: Context): Promise<void>;
  /** Settles when the daemon ends by itself (idle endpoint). */
  readonly finished?: Promise<void>;
  /** Counts of everything held, for the debug endpoint and for CLEAN. */
  statistics?(): Record<string, number>;
  /** Totals since the start, which only grow; for the debug endpoint and benchmarks. */
  totals?(): Record<string, number>;
}
