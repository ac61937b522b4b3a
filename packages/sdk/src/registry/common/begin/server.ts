// SPDX-License-Identifier: Apache-2.0
import type { RegistryElement, RegistryItem, RegistryKind } from "@nsm/core";
import { beginElement } from "./begin.js";

/**
 * Runs the calls of one name one after the other, in the order they came, and lets later elements fire events
 * ({@link eventFactory}). Remembers the last response under the requested name without its expiration, and the
 * context values of the last successful call with a copy of its path; Unregister passes what is remembered, not
 * the argument. Events carry `internalEvent`. Place above everything stateful; inside an outer begin it is
 * transparent. State: registered names, in memory.
 *
 * Deviations from upstream's `begin`: an Unregister of an unknown network service goes to next, as that of an
 * endpoint does; a Register event updates what is remembered as a call does, on servers too; Unregister ends a
 * Register event that is in flight instead of waiting for it.
 * @throws INVALID_ARGUMENT EMPTY_NAME on Register
 */
export function beginServer<T extends RegistryItem>(kind: RegistryKind<T>): RegistryElement<T> {
  return beginElement(kind, {
    name: "begin-server",
    emptyNameText: "can not be zero valued",
    unregistersResponse: false,
  });
}
