// SPDX-License-Identifier: Apache-2.0
import type {
  Clock,
  Connector,
  Descriptors,
  Liveness,
  Logger,
  NameServer,
  Policy,
  Resolver,
  TokenSource,
  WatchedFile,
} from "@nsm/core";

/** Labels that tell where a daemon runs; undefined ones are not added. From `NODE_NAME`, `POD_NAME`, `CLUSTER_NAME`. */
export interface ClientLabels {
  readonly nodeName: string | undefined;
  readonly podName: string | undefined;
  readonly clusterName: string | undefined;
}

/** A watched file and the end of its watch. */
export interface OpenFile<T> extends WatchedFile<T> {
  /** Safe to call twice. */
  close(): void;
}

/** How {@link WatchFile} treats a file that may never be there. */
export interface WatchFileOptions {
  /** Whether a missing directory is made; default true. */
  readonly createDirectory?: boolean;
}

/**
 * Watches a YAML file; who opens it closes it.
 * @param parse gets the document as plain data; throws on a broken one, which then keeps the last good value
 * @throws the system error as status when its directory cannot be made or watched
 */
export type WatchFile = <T>(
  path: string,
  parse: (document: unknown) => T,
  options?: WatchFileOptions,
) => OpenFile<T>;

/** What every daemon gets from its host: the process (`runtime`) or a sandbox. */
export interface Ports {
  readonly clock: Clock;
  readonly log: Logger;
  readonly tokens: TokenSource;
  readonly connector: Connector;
  readonly descriptors: Descriptors;
  readonly clientLabels: ClientLabels;
  /** Finds other domains. */
  readonly resolver: Resolver;
  readonly watchFile: WatchFile;
  /**
   * The policy that masks name (upstream's `NSM_*_POLICIES`); absent when identity is off, then nothing is checked.
   * @throws INVALID_ARGUMENT for a mask without a hit
   */
  readonly policies?: (masks: readonly string[]) => Policy;
  /** Checks data paths of connections; absent: only the control plane is watched. */
  readonly liveness?: Liveness;
  /**
   * Addresses that links of the own network namespace have, and those to which they lead without a gateway; bare.
   * Absent: an endpoint that was restarted does not know which of its addresses are in use still.
   */
  readonly addressesInUse?: () => Promise<readonly string[]>;
  /** Answers the pod's queries; absent: DNS settings of connections are not used. */
  readonly nameServer?: NameServer;
  /**
   * The URLs really served (port 0 replaced by the kernel's choice), once the host listens; before that the configured
   * ones. Hosts listen before `Daemon.start`.
   */
  readonly servedUrls: () => readonly URL[];
  /** Ends all background work at once, as the end of a process does. Default: never, the process ends it. */
  readonly signal?: AbortSignal;
}
