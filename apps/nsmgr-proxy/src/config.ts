// SPDX-License-Identifier: Apache-2.0
import type { NsmgrProxyConfig } from "@nsm/daemons/nsmgr-proxy";
import {
  type ConfigHost,
  connectionPolicyEnv,
  defineEnv,
  type EnvOf,
  optionalUrl,
  proxyEnv,
  registryPolicyEnv,
  string,
  urlList,
} from "@nsm/runtime";

/** Where upstream's manifests mount the labels of the cluster; no variable changes it. */
const CLUSTER_INFO_FILE = "/etc/clusterinfo/config.yaml";

/** Environment of the nsmgr-proxy (upstream: cmd-nsmgr-proxy; the last three are ours). */
export const spec = defineEnv("NSM", {
  name: string({ default: "nsmgr-proxy", desc: "name in the path of a connection" }),
  listenOn: urlList({
    default: "unix:///listen.on.socket",
    desc: "addresses served; the first tcp one is announced to other domains",
  }),
  mapIpFilePath: string({
    default: "map-ip.yaml",
    desc: "YAML map of IP addresses inside the cluster to those outside; watched",
  }),
  registryProxyUrl: optionalUrl({ desc: "registry that knows other domains, usually the registry-proxy" }),
  registryUrl: optionalUrl({ desc: "registry of the own domain" }),
  ...registryPolicyEnv,
  ...connectionPolicyEnv("none"),
  ...proxyEnv,
});

/** Settings of the nsmgr-proxy from its environment. */
export const configure = (env: EnvOf<typeof spec>, host: ConfigHost): NsmgrProxyConfig => ({
  name: env.name,
  listenOn: env.listenOn,
  mapIpFilePath: env.mapIpFilePath,
  clusterInfoFilePath: CLUSTER_INFO_FILE,
  registryUrl: env.registryUrl,
  registryProxyUrl: env.registryProxyUrl,
  registryServerPolicies: env.registryServerPolicies,
  registryClientPolicies: env.registryClientPolicies,
  trustedProxies: env.trustedProxies,
  networkServicePolicies: env.networkServicePolicies,
  monitorPolicies: env.monitorPolicies,
  publicUrl: host.publicUrl(env.listenOn),
});
