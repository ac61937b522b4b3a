// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import type { NetworkServiceNext } from "../element.js";
import type { MonitorService } from "../monitor.js";
import type { RegistryNext } from "../registry.js";
import type { PeerIdentity } from "./identity.js";

/**
 * A connection to a server: typed clients whose every call carries a fresh token, the deadline of its context
 * and what the context's `outgoingCall` holds (headers, descriptors). Failures are `StatusError`s with the
 * peer's code and text; a lost peer is UNAVAILABLE.
 */
export interface Channel {
  /** Address dialled. */
  readonly url: URL;
  /** Identity of the server; undefined when identity is off or before the first call. */
  readonly peer: PeerIdentity | undefined;
  /** True on unix sockets. */
  readonly passesDescriptors: boolean;
  readonly networkService: NetworkServiceNext;
  readonly monitor: MonitorService;
  readonly networkServices: RegistryNext<NetworkService>;
  readonly endpoints: RegistryNext<NetworkServiceEndpoint>;
  /** Gives the channel back; a pooled one stays open for others. Safe to call twice. */
  close(): void;
}

/** How to connect. */
export interface ConnectOptions {
  /** `pooled`: shared with other users of the same URL where the peer allows it; `own`: nobody else uses it. */
  readonly scope: "pooled" | "own";
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** Dials servers. URLs: `unix:///path`, `tcp://host:port`, also without scheme `host:port`. */
export interface Connector {
  /**
   * Resolves once connected.
   * @throws UNAVAILABLE `failed to dial <url>: <cause>`; CANCELLED or DEADLINE_EXCEEDED by the signal's reason
   */
  connect(url: URL, options: ConnectOptions): Promise<Channel>;
}
