// SPDX-License-Identifier: Apache-2.0

/** Settings of registry-memory (upstream: cmd-registry-memory). */
export interface RegistryConfig {
  /** `NSM_LISTEN_ON`. */
  readonly listenOn: readonly URL[];
  /** `NSM_PROXY_REGISTRY_URL`: registry asked for names with `@`; undefined = none. */
  readonly proxyRegistryUrl: URL | undefined;
}
