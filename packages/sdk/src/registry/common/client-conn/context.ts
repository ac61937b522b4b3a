// SPDX-License-Identifier: Apache-2.0
import { contextKey } from "@nsm/core";

/** Remembers through which registry a name was registered. */
export interface RegisteredThrough {
  get(): URL | undefined;
  set(url: URL): void;
  forget(): void;
}

/** The place of the name that the call is about; set by `clientConnClient`, used by `dial`. */
export const registeredThrough = contextKey<RegisteredThrough>("registry-client-conn");

/**
 * Tells equal names apart that are registered in different places: the domain, where names have lost theirs. Set by
 * `dnsResolveServer`.
 */
export const registrationScope = contextKey<string>("registry-scope");
