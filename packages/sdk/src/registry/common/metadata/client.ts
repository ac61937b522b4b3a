// SPDX-License-Identifier: Apache-2.0
import type { RegistryElement, RegistryItem } from "@nsm/core";
import { metadataElement } from "./metadata.js";

/**
 * The client form of `metadataServer`: the same for the client half of a chain.
 */
export function metadataClient<T extends RegistryItem>(): RegistryElement<T> {
  return metadataElement("metadata-client");
}
