// SPDX-License-Identifier: Apache-2.0
/** gRPC over unix and tcp sockets, with descriptors beside the bytes of unix connections. */
export {
  type Address,
  addressUrl,
  hostPort,
  parseAddress,
  type TcpAddress,
  type UnixAddress,
} from "./address.js";
export { type ConnectorOptions, createConnector, type SocketConnector } from "./client/connector.js";
export { checkHealth, type HealthStatus } from "./client/health.js";
export { linuxDescriptors } from "./descriptors.js";
export { type InterfaceAddress, publicUrl } from "./public-url.js";
export {
  insecure,
  type LinkSecurity,
  type MutualTlsOptions,
  mutualTls,
  type SecuredStream,
} from "./security/index.js";
export { listen, type Server, type ServerOptions } from "./server/server.js";
