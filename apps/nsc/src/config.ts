// SPDX-License-Identifier: Apache-2.0
import { type NscConfig, parseAwarenessGroups } from "@nsm/daemons/nsc";
import {
  assignments,
  bool,
  custom,
  defineEnv,
  type EnvOf,
  goDuration,
  networkServiceUrls,
  registryPolicyEnv,
  string,
  url,
} from "@nsm/runtime";

const NO_DNS = "the local DNS server is not part of this version";

/** Environment of the client (upstream: cmd-nsc). */
export const spec = defineEnv("NSM", {
  name: string({ default: "nsc", desc: "name in the path; connection ids are <name>-<index>" }),
  connectTo: url({
    default: "unix:///var/lib/networkservicemesh/nsm.io.sock",
    desc: "manager of the node",
  }),
  dialTimeoutMs: goDuration({ env: "DIAL_TIMEOUT", default: "5s", desc: "dial of the manager" }),
  requestTimeoutMs: goDuration({
    env: "REQUEST_TIMEOUT",
    default: "15s",
    desc: "each attempt of a Request and each Close",
  }),
  labels: assignments({ desc: "labels of every connection, name=value; labels of a URL win" }),
  mechanism: string({ default: "kernel", desc: "mechanism of network service URLs without one" }),
  networkServices: networkServiceUrls({
    mechanismVariable: "NSM_MECHANISM",
    desc: "connections to make, mechanism://service[@domain][/interface][?label=value&…]",
  }),
  awarenessGroups: custom(parseAwarenessGroups, {
    env: "AWARENESS_GROUPS",
    default: "",
    desc: "groups of services that may share addresses, [url,url],[url]",
    type: "Awareness groups",
    expected: "network service URLs in brackets, [url,url],[url]",
  }),
  localDnsServerEnabled: bool({ default: "true", desc: "local DNS server", later: NO_DNS }),
  localDnsServerAddress: string({
    default: "127.0.0.1:53",
    desc: "address of the local DNS server",
    later: NO_DNS,
  }),
  livenessCheckEnabled: bool({ default: "true", desc: "ping the data path" }),
  livenessCheckIntervalMs: goDuration({
    env: "LIVENESS_CHECK_INTERVAL",
    default: "200ms",
    desc: "pause between two checks",
  }),
  livenessCheckTimeoutMs: goDuration({
    env: "LIVENESS_CHECK_TIMEOUT",
    default: "1s",
    desc: "time for an answer",
  }),
  registryClientPolicies: {
    ...registryPolicyEnv.registryClientPolicies,
    later: "this daemon calls no registry",
  },
});

/** Settings of the client from its environment. */
export const configure = (env: EnvOf<typeof spec>): NscConfig => ({
  name: env.name,
  connectTo: env.connectTo,
  dialTimeoutMs: env.dialTimeoutMs,
  requestTimeoutMs: env.requestTimeoutMs,
  labels: env.labels,
  networkServices: env.networkServices,
  awarenessGroups: env.awarenessGroups,
  livenessEnabled: env.livenessCheckEnabled,
  livenessIntervalMs: env.livenessCheckIntervalMs,
  livenessTimeoutMs: env.livenessCheckTimeoutMs,
});
