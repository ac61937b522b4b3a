// SPDX-License-Identifier: Apache-2.0
import type { RegistryConfig } from "@nsm/daemons/registry";
import { defineEnv, type EnvOf, goDuration, optionalUrl, urlList } from "@nsm/runtime";

/** Environment of the registry (upstream: cmd-registry-memory). */
export const spec = defineEnv("NSM", {
  listenOn: urlList({ default: "unix:///listen.on.socket", desc: "addresses served" }),
  proxyRegistryUrl: optionalUrl({ desc: "registry asked for names of other domains (with @); empty: none" }),
  expirePeriodMs: goDuration({
    env: "EXPIRE_PERIOD",
    default: "1s",
    desc: "sweep interval",
    later: "endpoints expire by themselves; upstream reads it and does not use it either",
  }),
});

/** Settings of the registry from its environment. */
export const configure = (env: EnvOf<typeof spec>): RegistryConfig => ({
  listenOn: env.listenOn,
  proxyRegistryUrl: env.proxyRegistryUrl,
});
