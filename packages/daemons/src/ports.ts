// SPDX-License-Identifier: Apache-2.0
import type { Clock, Connector, Descriptors, Logger, TokenSource } from "@nsm/core";

/** Labels that tell where a daemon runs; undefined ones are not added. From `NODE_NAME`, `POD_NAME`, `CLUSTER_NAME`. */
export interface ClientLabels {
  readonly nodeName: string | undefined;
  readonly podName: string | undefined;
  readonly clusterName: string | undefined;
}

/** What every daemon gets from its host: the process (`runtime`) or a sandbox. */
export interface Ports {
  readonly clock: Clock;
  readonly log: Logger;
  readonly tokens: TokenSource;
  readonly connector: Connector;
  readonly descriptors: Descriptors;
  readonly clientLabels: ClientLabels;
  /**
   * The URLs really served (port 0 replaced by the kernel's choice), once the host listens; before that the configured
   * ones. Hosts listen before `Daemon.start`.
   */
  readonly servedUrls: () => readonly URL[];
  /** Ends all background work at once, as the end of a process does. Default: never, the process ends it. */
  readonly signal?: AbortSignal;
}
