// SPDX-License-Identifier: Apache-2.0
/**
 * Wire contract of Network Service Mesh: generated messages and services, and the helpers that every part shares.
 *
 * Names of generated code are kept but for these: the registry message `NetworkService` has its upstream name, the
 * service `networkservice.NetworkService` is `NetworkServiceDefinition`, `NetworkServiceImplementation` and
 * `NetworkServiceClient`; nested and too general enums are `AddressFamily`, `ServingStatus`, `PrefixRequestType`.
 *
 * @packageDocumentation
 */
export {
  newConnection,
  newMechanism,
  newNetworkService,
  newNetworkServiceEndpoint,
  newPath,
  newPathSegment,
  newRequest,
} from "./builders.js";
export { clone } from "./clone.js";
export {
  DEFAULT_MANAGER_SOCKET_PATH,
  DEFAULT_MANAGER_URL,
  FD_SCOPE_CALL,
  MetadataKey,
  Payload,
  WellKnownLabel,
  WellKnownPort,
} from "./constants.js";
export { checkDnsConfig, checkExtraPrefixRequest } from "./context-checks.js";
export {
  HealthDefinition,
  IPAMDefinition,
  MonitorConnectionDefinition,
  NetworkServiceDefinition,
  NetworkServiceEndpointRegistryDefinition,
  NetworkServiceRegistryDefinition,
  SpiffeWorkloadAPIDefinition,
} from "./definitions.js";
export { equal } from "./equal.js";
export { InvalidValueError, type InvalidValueReason } from "./errors.js";
export {
  Connection,
  ConnectionEvent,
  ConnectionEventType,
  type DeepPartial,
  Mechanism,
  type MessageFns,
  type MonitorConnectionClient,
  type MonitorConnectionServiceImplementation,
  MonitorScopeSelector,
  Path,
  PathSegment,
  State,
} from "./gen/connection.js";
export {
  ConnectionContext,
  DNSConfig,
  DNSContext,
  EthernetContext,
  ExtraPrefixRequest,
  IPContext,
  IpFamily,
  IpFamily_Family as AddressFamily,
  IpNeighbor,
  PolicyRoute,
  Route,
} from "./gen/connectioncontext.js";
export { Empty } from "./gen/google/protobuf/empty.js";
export { Timestamp } from "./gen/google/protobuf/timestamp.js";
export {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
  type HealthClient,
  type HealthServiceImplementation,
} from "./gen/health.js";
export {
  type IPAMClient,
  type IPAMServiceImplementation,
  PrefixRequest,
  PrefixResponse,
  Type as PrefixRequestType,
} from "./gen/ipam.js";
export {
  type NetworkServiceClient,
  type NetworkServiceImplementation,
  NetworkServiceRequest,
} from "./gen/networkservice.js";
export {
  Destination,
  Match,
  Metadata,
  NetworkService,
  NetworkServiceEndpoint,
  NetworkServiceEndpointQuery,
  type NetworkServiceEndpointRegistryClient,
  type NetworkServiceEndpointRegistryServiceImplementation,
  NetworkServiceEndpointResponse,
  NetworkServiceLabels,
  NetworkServiceQuery,
  type NetworkServiceRegistryClient,
  type NetworkServiceRegistryServiceImplementation,
  NetworkServiceResponse,
} from "./gen/registry.js";
export { X509SVID, X509SVIDRequest, X509SVIDResponse } from "./gen/spiffe/workload.js";
export { parseBool, parseUint } from "./go-values.js";
export {
  formatCidr,
  formatIp,
  type IpAddress,
  type IpNet,
  mappedValue,
  netContains,
  parseCidr,
  parseIp,
} from "./ip-address.js";
export {
  dstIpNets,
  dstIpRoutes,
  dstRoutesWithNextHop,
  srcIpNets,
  srcIpRoutes,
  srcRoutesWithNextHop,
} from "./ip-context.js";
export { containsLabels, type Labels, labelValue, withDefaultLabels } from "./labels.js";
export {
  CommonParameter,
  IpsecParameter,
  KernelParameter,
  MechanismClass,
  MechanismType,
  MemifParameter,
  Srv6Parameter,
  VfioParameter,
  VlanParameter,
  VxlanParameter,
  WireguardParameter,
} from "./mechanisms/constants.js";
export { formatInodeUrl, type InodeRef, isInodeUrl, parseInodeUrl } from "./mechanisms/inode-url.js";
export {
  INTERFACE_NAME_MAX_BYTES,
  type KernelParameters,
  kernelParameters,
  OWN_NETNS_URL,
  setKernelParameters,
} from "./mechanisms/kernel.js";
export {
  ipParameter,
  numberParameter,
  parameter,
  setNumberParameter,
  setTunnelEnds,
  type TunnelEnds,
  tunnelEnds,
} from "./mechanisms/parameters.js";
export {
  evenVni,
  randomVni,
  setVxlanParameters,
  type VxlanParameters,
  vxlanParameters,
} from "./mechanisms/vxlan.js";
export { type NetworkServiceUrl, parseNetworkServiceUrl } from "./network-service-url.js";
export { currentSegment, nextSegment, previousSegment } from "./path.js";
export { type PortRange, parsePortRange } from "./port-range.js";
export { filterConnections, matchesSelector } from "./selector.js";
export {
  compareTimestamps,
  formatRfc3339Nano,
  parseRfc3339Nano,
  timestampFromMs,
  timestampToMs,
} from "./timestamp.js";
export { fromPartial } from "./unknown-fields.js";
