// SPDX-License-Identifier: Apache-2.0

/**
 * Keys of gRPC metadata, lower case as on the wire.
 * `TOKEN` and `TOKEN_EXPIRES` come with every call (upstream sdk `pkg/tools/token`); `PATH` carries the registry
 * path as JSON (upstream `pkg/registry/common/grpcmetadata`); `FD_SCOPE` is ours: a server sends it with the value
 * {@link FD_SCOPE_CALL} when it closes received descriptors at the end of each call.
 */
export const MetadataKey = {
  TOKEN: "nsm-client-token",
  TOKEN_EXPIRES: "nsm-client-token-expires",
  PATH: "path",
  FD_SCOPE: "nsm-fd-scope",
} as const;

/** Value of `MetadataKey.FD_SCOPE`. */
export const FD_SCOPE_CALL = "call";

/** Path of the manager's unix socket on each node, upstream's default of `NSM_CONNECT_TO` without the scheme. */
export const DEFAULT_MANAGER_SOCKET_PATH = "/var/lib/networkservicemesh/nsm.io.sock";

/** The same as URL: default of `NSM_CONNECT_TO`. */
export const DEFAULT_MANAGER_URL = `unix://${DEFAULT_MANAGER_SOCKET_PATH}`;

/** TCP ports of upstream's manifests. */
export const WellKnownPort = {
  NSMGR: 5001,
  REGISTRY: 5002,
  NSMGR_PROXY: 5004,
  REGISTRY_PROXY: 5005,
  VL3_IPAM: 5006,
  VXLAN: 4789,
} as const;

/** Labels that clients and endpoints describe themselves with (upstream `clientinfo`, `clusterinfo`). */
export const WellKnownLabel = {
  NODE_NAME: "nodeName",
  POD_NAME: "podName",
  CLUSTER_NAME: "clusterName",
  SRIOV_TOKEN: "sriovToken",
  SERVICE_DOMAIN: "serviceDomain",
} as const;

/** What a connection carries. */
export const Payload = { IP: "IP", ETHERNET: "ETHERNET" } as const;
