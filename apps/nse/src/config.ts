// SPDX-License-Identifier: Apache-2.0
import { type NseConfig, parseCidrGroups, parseDnsConfigs } from "@nsm/daemons/nse";
import {
  bool,
  type ConfigHost,
  connectionPolicyEnv,
  custom,
  defineEnv,
  type EnvOf,
  enumeration,
  goDuration,
  list,
  map,
  optionalUrl,
  proxyEnv,
  type SharedEnv,
  string,
  url,
} from "@nsm/runtime";

/** Environment of the endpoint (upstream: cmd-nse-icmp-responder; `NSM_LISTEN_ON` and the last three are ours). */
export const spec = defineEnv("NSM", {
  name: string({ default: "icmp-server", desc: "endpoint name and name in the path" }),
  baseDir: string({ default: "./", desc: "nothing", later: "upstream does not use it either" }),
  connectTo: url({
    default: "unix:///var/lib/networkservicemesh/nsm.io.sock",
    desc: "manager of the node",
  }),
  listenOn: optionalUrl({ desc: "own socket; empty: listen.on in a fresh directory below TMPDIR" }),
  serviceNames: list({ default: "icmp-responder", desc: "network services offered" }),
  payload: string({ default: "ETHERNET", desc: "payload of the services registered, ETHERNET or IP" }),
  labels: map({ desc: "labels, the same for every service" }),
  cidrGroups: custom(parseCidrGroups, {
    env: "CIDR_PREFIX",
    default: "169.254.0.0/16",
    desc: "address pools: each group gives one address pair per connection, its prefixes are alternatives",
    type: "CIDR groups",
    expected: "CIDRs and [CIDR, …] groups separated by commas, such as 172.16.0.0/24,[fd00::/112,fd01::/112]",
  }),
  idleTimeoutMs: goDuration({
    env: "IDLE_TIMEOUT",
    default: "0",
    desc: "end when there was no connection for this long; 0: never",
  }),
  registerService: bool({ default: "true", desc: "register the network services too" }),
  unregisterItself: bool({ default: "false", desc: "unregister the endpoint at the end" }),
  ipamPolicy: enumeration(["polite", "strict"], {
    default: "polite",
    desc: "polite keeps addresses a client brings from outside the pools, strict drops them",
  }),
  dnsConfigs: custom(parseDnsConfigs, {
    env: "DNS_CONFIGS",
    default: "[]",
    desc: "name servers and search domains for clients",
    type: "JSON",
    expected: '[{"dns_server_ips":["172.16.1.100"],"search_domains":["my.service"]}]',
  }),
  pbrConfigPath: string({
    default: "/etc/policy-based-routing/config.yaml",
    desc: "YAML file with routing policies for clients, read again when it changes",
  }),
  ...connectionPolicyEnv("upstream"),
  ...proxyEnv,
});

/** Settings of the endpoint from its environment. */
export const configure = (
  env: EnvOf<typeof spec> & Pick<SharedEnv, "registryClientPolicies">,
  host: ConfigHost,
): NseConfig => ({
  name: env.name,
  connectTo: env.connectTo,
  listenOn: env.listenOn ?? host.temporarySocket(env.name),
  serviceNames: env.serviceNames,
  payload: env.payload,
  labels: env.labels,
  cidrGroups: env.cidrGroups,
  ipamPolicy: env.ipamPolicy,
  dnsConfigs: env.dnsConfigs,
  policyRoutesPath: env.pbrConfigPath,
  registryClientPolicies: env.registryClientPolicies,
  idleTimeoutMs: env.idleTimeoutMs,
  registerService: env.registerService,
  unregisterItself: env.unregisterItself,
  networkServicePolicies: env.networkServicePolicies,
  monitorPolicies: env.monitorPolicies,
  trustedProxies: env.trustedProxies,
});
