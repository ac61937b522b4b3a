// SPDX-License-Identifier: Apache-2.0
import type { RegistryPolicies } from "../authorization.js";

/** Settings of registry-memory (upstream: cmd-registry-memory). */
export interface RegistryConfig extends RegistryPolicies {
  /** `NSM_LISTEN_ON`. */
  readonly listenOn: readonly URL[];
  /** `NSM_PROXY_REGISTRY_URL`: registry asked for names with `@`; undefined = none. */
  readonly proxyRegistryUrl: URL | undefined;
}
