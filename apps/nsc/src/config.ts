// SPDX-License-Identifier: Apache-2.0
import type { NscConfig } from "@nsm/daemons/nsc";
import {
  assignments,
  bool,
  defineEnv,
  type EnvOf,
  goDuration,
  networkServiceUrls,
  string,
  url,
} from "@nsm/runtime";

const NO_DNS = "the local DNS server is not part of this version";
const NO_LIVENESS = "the data path check is not part of this version";

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
  awarenessGroups: string({
    desc: "groups of services that share addresses",
    later: "awareness groups are not part of this version",
  }),
  localDnsServerEnabled: bool({ default: "true", desc: "local DNS server", later: NO_DNS }),
  localDnsServerAddress: string({
    default: "127.0.0.1:53",
    desc: "address of the local DNS server",
    later: NO_DNS,
  }),
  livenessCheckEnabled: bool({ default: "true", desc: "ping the data path", later: NO_LIVENESS }),
  livenessCheckIntervalMs: goDuration({
    env: "LIVENESS_CHECK_INTERVAL",
    default: "200ms",
    desc: "period of pings",
    later: NO_LIVENESS,
  }),
  livenessCheckTimeoutMs: goDuration({
    env: "LIVENESS_CHECK_TIMEOUT",
    default: "1s",
    desc: "time for an answer",
    later: NO_LIVENESS,
  }),
});

/** Settings of the client from its environment. */
export const configure = (env: EnvOf<typeof spec>): NscConfig => ({
  name: env.name,
  connectTo: env.connectTo,
  dialTimeoutMs: env.dialTimeoutMs,
  requestTimeoutMs: env.requestTimeoutMs,
  labels: env.labels,
  networkServices: env.networkServices,
});
