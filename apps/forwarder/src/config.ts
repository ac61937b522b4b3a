// SPDX-License-Identifier: Apache-2.0
import type { ForwarderConfig } from "@nsm/daemons/forwarder";
import {
  bool,
  connectionPolicyEnv,
  custom,
  defineEnv,
  type EnvOf,
  enumeration,
  goDuration,
  ip,
  list,
  map,
  proxyEnv,
  type SharedEnv,
  string,
  uint,
  url,
  type VariableOptions,
} from "@nsm/runtime";

const NO_VPP = "there is no VPP: the data plane is the kernel's";
const NO_SRIOV = "SR-IOV is not part of this version";
const NO_PROMETHEUS = "metrics are not part of this version";

/** Environment of the forwarder (upstream: cmd-forwarder-vpp; the last group is ours). */
export const spec = defineEnv("NSM", {
  name: string({ desc: "endpoint name; empty: forwarder-<NODE_NAME>, or forwarder without NODE_NAME" }),
  labels: map({ default: "p2p:true", desc: "labels of the endpoint, for selection by network services" }),
  networkServiceName: string({
    env: "NSNAME",
    default: "forwarder",
    desc: "network service to register under",
  }),
  connectTo: url({ default: "unix:///connect.to.socket", desc: "manager of the node" }),
  listenOn: url({ default: "unix:///listen.on.socket", desc: "address served" }),
  dialTimeoutMs: goDuration({ env: "DIAL_TIMEOUT", default: "750ms", desc: "dial of the next hop" }),
  tunnelIp: ip({ desc: "address of tunnel ends; empty: first address of the default route's link" }),
  vxlanPort: uint({ max: 65535, default: "0", desc: "UDP port of VXLAN; 0: 4789" }),
  mechanismPriority: list({ desc: "mechanism types, most wanted first" }),

  vppApiSocket: string({
    default: "/var/run/vpp/external/vpp-api.sock",
    desc: "API socket of a running VPP",
    later: NO_VPP,
  }),
  vppInit: enumeration(["AF_XDP", "AF_PACKET", "NONE"], {
    default: "AF_PACKET",
    desc: "uplink of VPP",
    later: NO_VPP,
  }),
  vppInitParams: string({ desc: "file with parameters of the uplink", later: NO_VPP }),
  vppMinOperationTimeoutMs: goDuration({
    env: "VPP_MIN_OPERATION_TIMEOUT",
    default: "2s",
    desc: "shortest time for an operation of VPP",
    later: NO_VPP,
  }),
  deviceSelectorFile: string({
    desc: "file that maps labels to devices",
    later: "the VLAN mechanism is not part of this version",
  }),
  sriovConfigFile: string({ desc: "SR-IOV devices; empty: no SR-IOV", later: NO_SRIOV }),
  resourcePollTimeoutMs: goDuration({
    env: "RESOURCE_POLL_TIMEOUT",
    default: "30s",
    desc: "period of device plugin polls",
    later: NO_SRIOV,
  }),
  devicePluginPath: string({
    default: "/var/lib/kubelet/device-plugins/",
    desc: "sockets of device plugins",
    later: NO_SRIOV,
  }),
  podResourcesPath: string({
    default: "/var/lib/kubelet/pod-resources/",
    desc: "socket of pod resources",
    later: NO_SRIOV,
  }),
  pciDevicesPath: string({ default: "/sys/bus/pci/devices", desc: "PCI devices", later: NO_SRIOV }),
  pciDriversPath: string({ default: "/sys/bus/pci/drivers", desc: "PCI drivers", later: NO_SRIOV }),
  cgroupPath: string({
    default: "/host/sys/fs/cgroup/devices",
    desc: "device cgroups of the host",
    later: NO_SRIOV,
  }),
  vfioPath: string({ default: "/host/dev/vfio", desc: "VFIO devices of the host", later: NO_SRIOV }),
  prometheus: bool({
    env: "PROMETHEUS",
    bare: true,
    default: "false",
    desc: "serve metrics",
    later: NO_PROMETHEUS,
  }),
  prometheusListenOn: string({ default: ":8081", desc: "address of metrics", later: NO_PROMETHEUS }),
  prometheusCertFile: string({ desc: "certificate of the metrics server", later: NO_PROMETHEUS }),
  prometheusKeyFile: string({ desc: "key of the metrics server", later: NO_PROMETHEUS }),
  prometheusCaFile: string({ desc: "certificates that sign metrics clients", later: NO_PROMETHEUS }),
  prometheusMonitorCertificate: bool({
    default: "false",
    desc: "reload the certificate when it changes",
    later: NO_PROMETHEUS,
  }),
  prometheusServerHeaderTimeoutMs: goDuration({
    env: "PROMETHEUS_SERVER_HEADER_TIMEOUT",
    default: "5s",
    desc: "time for request headers",
    later: NO_PROMETHEUS,
  }),
  prometheusMaxBindThresholdMs: goDuration({
    env: "PROMETHEUS_MAX_BIND_THRESHOLD",
    default: "120s",
    desc: "how long binding is tried",
    later: NO_PROMETHEUS,
  }),

  backend: enumeration(["kernel"], { default: "kernel", desc: "data plane; only the kernel's is there" }),
  cleanupOnExit: optionalBool({
    desc: "remove the links of connections at the end; empty: only when the name is POD_NAME, which no restart keeps",
  }),
  purgeAfterMs: goDuration({
    env: "PURGE_AFTER",
    default: "0",
    desc: "how long links of an earlier process wait for their connections; 0: NSM_MAX_TOKEN_LIFETIME",
  }),
  ipOverVxlan: bool({ default: "true", desc: "offer VXLAN for services with payload IP too" }),
  ...connectionPolicyEnv("upstream"),
  ...proxyEnv,
});

/** A truth value, or empty for a default that depends on other variables. */
function optionalBool(options: VariableOptions) {
  return custom((text, lookup) => (text === "" ? undefined : bool(options).read(text, lookup)), {
    ...options,
    type: "True or False",
    expected: "true or false, or empty",
  });
}

type Environment = EnvOf<typeof spec> &
  Pick<SharedEnv, "nodeName" | "podName" | "registryClientPolicies" | "maxTokenLifetimeMs">;

/** A name that survives restarts keeps connections and links. */
const nameOf = ({ name, nodeName }: Environment): string =>
  name || (nodeName === undefined ? "forwarder" : `forwarder-${nodeName}`);

/** Settings of the forwarder from its environment. */
export const configure = (env: Environment): ForwarderConfig => ({
  name: nameOf(env),
  labels: env.labels,
  networkServiceName: env.networkServiceName,
  connectTo: env.connectTo,
  listenOn: env.listenOn,
  dialTimeoutMs: env.dialTimeoutMs,
  tunnelIp: env.tunnelIp,
  vxlanPort: env.vxlanPort,
  mechanismPriority: env.mechanismPriority,
  registryClientPolicies: env.registryClientPolicies,
  cleanupOnExit: env.cleanupOnExit ?? nameOf(env) === env.podName,
  purgeAfterMs: env.purgeAfterMs || env.maxTokenLifetimeMs,
  ipOverVxlan: env.ipOverVxlan,
  networkServicePolicies: env.networkServicePolicies,
  monitorPolicies: env.monitorPolicies,
  trustedProxies: env.trustedProxies,
});
