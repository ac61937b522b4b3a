// SPDX-License-Identifier: Apache-2.0
import type { RegistryProxyDnsConfig } from "@nsm/daemons/registry-proxy-dns";
import { defineEnv, type EnvOf, proxyEnv, registryPolicyEnv, urlList } from "@nsm/runtime";

/** Environment of the registry proxy (upstream: cmd-registry-proxy-dns; the last one is ours). */
export const spec = defineEnv("NSM", {
  listenOn: urlList({ default: "unix:///listen.on.socket", desc: "addresses served" }),
  ...registryPolicyEnv,
  ...proxyEnv,
});

/** Settings of the registry proxy from its environment. */
export const configure = (env: EnvOf<typeof spec>): RegistryProxyDnsConfig => ({
  listenOn: env.listenOn,
  registryServerPolicies: env.registryServerPolicies,
  registryClientPolicies: env.registryClientPolicies,
  trustedProxies: env.trustedProxies,
});
