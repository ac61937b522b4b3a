// SPDX-License-Identifier: Apache-2.0
import type { RegistryElement, RegistryItem } from "@nsm/core";
import { clientUrlElement } from "./client-url.js";

/** The server form of `clientUrlClient`, for chains whose server elements want to see the URL. */
export function clientUrlServer<T extends RegistryItem>(url: URL | undefined): RegistryElement<T> {
  return clientUrlElement("client-url-server", url);
}
