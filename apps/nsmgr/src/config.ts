// SPDX-License-Identifier: Apache-2.0
import type { NsmgrConfig } from "@nsm/daemons/nsmgr";
import {
  type ConfigHost,
  defineEnv,
  type EnvOf,
  goDuration,
  optionalUrl,
  string,
  urlList,
} from "@nsm/runtime";

/** Environment of the network service manager (upstream: cmd-nsmgr). */
export const spec = defineEnv("NSM", {
  name: string({ default: "nmgr", desc: "name in the path of a connection" }),
  listenOn: urlList({
    default: "unix:///var/lib/networkservicemesh/nsm.io.sock",
    desc: "addresses served; the first tcp one is announced to other nodes",
  }),
  registryUrl: optionalUrl({
    default: "tcp://localhost:5001",
    desc: "registry of the domain; set to empty: a registry of its own, in memory",
  }),
  dialTimeoutMs: goDuration({ env: "DIAL_TIMEOUT", default: "750ms", desc: "dial of the next hop" }),
  forwarderServiceName: string({
    env: "FORWARDER_NETWORK_SERVICE_NAME",
    default: "forwarder",
    desc: "network service under which forwarders register",
  }),
});

/** Settings of the manager from its environment. */
export const configure = (env: EnvOf<typeof spec>, host: ConfigHost): NsmgrConfig => ({
  name: env.name,
  listenOn: env.listenOn,
  registryUrl: env.registryUrl,
  dialTimeoutMs: env.dialTimeoutMs,
  forwarderServiceName: env.forwarderServiceName,
  publicUrl: host.publicUrl(env.listenOn),
});
