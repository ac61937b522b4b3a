// SPDX-License-Identifier: Apache-2.0
import type { RegistryConfig } from "@nsm/daemons/registry";
import {
  defineEnv,
  type EnvOf,
  goDuration,
  optionalUrl,
  proxyEnv,
  registryPolicyEnv,
  urlList,
} from "@nsm/runtime";

/** Environment of the registry (upstream: cmd-registry-memory; the last one is ours). */
export const spec = defineEnv("NSM", {
  listenOn: urlList({ default: "unix:///listen.on.socket", desc: "addresses served" }),
  proxyRegistryUrl: optionalUrl({ desc: "registry asked for names of other domains (with @); empty: none" }),
  expirePeriodMs: goDuration({
    env: "EXPIRE_PERIOD",
    default: "1s",
    desc: "sweep interval",
    later: "endpoints expire by themselves; upstream reads it and does not use it either",
  }),
  ...registryPolicyEnv,
  ...proxyEnv,
});

/** Settings of the registry from its environment. */
export const configure = (env: EnvOf<typeof spec>): RegistryConfig => ({
  listenOn: env.listenOn,
  proxyRegistryUrl: env.proxyRegistryUrl,
  registryServerPolicies: env.registryServerPolicies,
  registryClientPolicies: env.registryClientPolicies,
  trustedProxies: env.trustedProxies,
});
