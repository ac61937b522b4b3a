// SPDX-License-Identifier: Apache-2.0
import { type Context, contextKey } from "@nsm/core";

/** What an event of begin may carry. */
export interface RegistryEventOptions {
  /** The event is skipped when this is aborted before its turn comes. */
  readonly cancel?: AbortSignal;
}

/** What an Unregister event may carry. */
export interface UnregisterEventOptions extends RegistryEventOptions {
  /** Its values are used instead of those that begin remembers. */
  readonly extend?: Context;
}

/**
 * Repeats or ends a registration from inside a chain, in order with the calls of the same name, from the element
 * after begin on. Events have the time the first call of the name had, counted anew.
 * Upstream: `begin.EventFactory`.
 */
export interface RegistryEventFactory {
  /**
   * Registers what was registered last; does nothing when nothing is registered.
   * @throws what the chain throws
   */
  register(options?: RegistryEventOptions): Promise<void>;
  /**
   * Ends the registration; does nothing when nothing is registered.
   * @throws what the chain throws; the registration is forgotten all the same
   */
  unregister(options?: UnregisterEventOptions): Promise<void>;
}

/** The events of the name being registered; set by begin. */
export const eventFactory = contextKey<RegistryEventFactory>("registry-event-factory");
