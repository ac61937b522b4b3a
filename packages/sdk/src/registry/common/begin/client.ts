// SPDX-License-Identifier: Apache-2.0
import type { RegistryElement, RegistryItem, RegistryKind } from "@nsm/core";
import { beginElement } from "./begin.js";

/**
 * The client form of `beginServer`: the same, but an Unregister event passes the last response.
 * @throws INVALID_ARGUMENT EMPTY_NAME on Register
 */
export function beginClient<T extends RegistryItem>(kind: RegistryKind<T>): RegistryElement<T> {
  return beginElement(kind, {
    name: "begin-client",
    emptyNameText: "must not be zero valued",
    unregistersResponse: true,
  });
}
