// SPDX-License-Identifier: Apache-2.0
import type { NsmgrConfig } from "@nsm/daemons/nsmgr";
import {
  type ConfigHost,
  connectionPolicyEnv,
  custom,
  defineEnv,
  type EnvOf,
  goDuration,
  optionalUrl,
  proxyEnv,
  registryPolicyEnv,
  string,
  urlList,
} from "@nsm/runtime";

/** Environment of the network service manager (upstream: cmd-nsmgr; the last four are ours). */
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
  ...registryPolicyEnv,
  ...connectionPolicyEnv("upstream"),
  ...proxyEnv,
  socketDirectories: custom(readDirectories, {
    env: "ENDPOINT_SOCKET_DIRECTORIES",
    desc: "directories below which endpoints may name their sockets by path; empty: those of the own unix sockets; none: endpoints send descriptors",
    type: "Comma-separated list of String",
    expected: "absolute paths separated by commas, none, or empty",
  }),
});

/** Undefined for a default that depends on other variables. */
function readDirectories(text: string): readonly string[] | undefined {
  if (text === "") return undefined;
  if (text === "none") return [];
  const directories = text.split(",");
  const relative = directories.find((directory) => !directory.startsWith("/"));
  if (relative !== undefined) throw new Error(`${JSON.stringify(relative)} is no absolute path`);
  return directories;
}

/** Settings of the manager from its environment. */
export const configure = (env: EnvOf<typeof spec>, host: ConfigHost): NsmgrConfig => ({
  name: env.name,
  listenOn: env.listenOn,
  registryUrl: env.registryUrl,
  dialTimeoutMs: env.dialTimeoutMs,
  forwarderServiceName: env.forwarderServiceName,
  registryServerPolicies: env.registryServerPolicies,
  registryClientPolicies: env.registryClientPolicies,
  trustedProxies: env.trustedProxies,
  networkServicePolicies: env.networkServicePolicies,
  monitorPolicies: env.monitorPolicies,
  ...(env.socketDirectories && { socketDirectories: env.socketDirectories }),
  publicUrl: host.publicUrl(env.listenOn),
});
