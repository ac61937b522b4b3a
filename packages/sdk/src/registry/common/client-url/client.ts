// SPDX-License-Identifier: Apache-2.0
import type { RegistryElement, RegistryItem } from "@nsm/core";
import { clientUrlElement } from "./client-url.js";

/**
 * Names the registry to dial ({@link clientUrl}). Upstream: `clienturl`.
 * @param url undefined leaves the context as it is
 */
export function clientUrlClient<T extends RegistryItem>(url: URL | undefined): RegistryElement<T> {
  return clientUrlElement("client-url-client", url);
}
