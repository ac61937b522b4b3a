// SPDX-License-Identifier: Apache-2.0
import type { RegistryElement, RegistryItem } from "@nsm/core";
import { metadataElement } from "./metadata.js";

/**
 * Gives the elements behind it a place for values per registered name ({@link registryMetadata}). Register makes
 * it and a failed first Register drops it; Find sees it when it exists; Unregister drops it, an unknown name gets
 * an empty one. Inside an outer metadata element it is transparent. Place after `begin` where there is one.
 */
export function metadataServer<T extends RegistryItem>(): RegistryElement<T> {
  return metadataElement("metadata-server");
}
