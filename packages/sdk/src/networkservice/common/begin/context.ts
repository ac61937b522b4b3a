// SPDX-License-Identifier: Apache-2.0
import { contextKey } from "@nsm/core";

/** How an inner element fires an event from begin. */
export interface EventOptions {
  /** The event is dropped when this is aborted before its turn comes. */
  readonly signal?: AbortSignal;
}

/** How an inner element of a client fires a Request from begin. */
export interface RequestEventOptions extends EventOptions {
  /** Client only: closes the connection first, then asks for another endpoint. Default false. */
  readonly reselect?: boolean;
}

/**
 * Lets elements behind begin repeat the last Request of their connection, or close it, from begin on. Events wait
 * for the connection's turn and have the whole time that the Request which created the connection had left.
 * Upstream: `begin.EventFactory`.
 */
export interface EventFactory {
  /**
   * Resolves when the Request has succeeded, and when it was dropped since the connection is not established.
   * @throws what the chain behind begin throws
   */
  request(options?: RequestEventOptions): Promise<void>;
  /**
   * Closes with the last known connection; may be repeated after a Close that failed. Resolves too when the event
   * was dropped.
   * @throws what the chain behind begin throws
   */
  close(options?: EventOptions): Promise<void>;
}

/** Fires events for the connection at hand; set by begin. */
export const eventFactory = contextKey<EventFactory>("begin.event-factory");
