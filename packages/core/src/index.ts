// SPDX-License-Identifier: Apache-2.0
/** The chain engine: elements, context, clock, scope, errors, and the ports that drivers implement. */
export {
  canPassDescriptors,
  type DescriptorLink,
  type IncomingCall,
  incomingCall,
  internalEvent,
  newOutgoingCall,
  type OutgoingCall,
  outgoingCall,
  type PeerToken,
  receiveDescriptor,
  type Side,
  sendDescriptor,
} from "./call.js";
export { type Clock, onNextTurn, realClock, type Timer } from "./clock.js";
export {
  type CancellableContext,
  type Context,
  type ContextKey,
  contextCancelled,
  contextKey,
  deadlineExceeded,
  detached,
  postpone,
  type RootContextOptions,
  remainingMs,
  rootContext,
  sleep,
  untilDone,
  withCancel,
  withSignal,
  withTimeout,
  withValuesOf,
} from "./context.js";
export {
  type Connection,
  chain,
  type ElementTree,
  elementStatistics,
  elementTree,
  type NetworkServiceElement,
  type NetworkServiceNext,
  networkServiceTail,
  normalizeConnection,
  normalizeRequest,
  type Request,
  start,
} from "./element.js";
export { attemptsFailed, Code, StatusError, type StatusErrorOptions, statusOf } from "./errors.js";
export { type LogFunction, type Logger, type LogLevel, silentLogger } from "./logger.js";
export type { MonitorService } from "./monitor.js";
export { onAbort } from "./on-abort.js";
export type { Channel, ConnectOptions, Connector } from "./ports/connector.js";
export type { Descriptors, Fd, InodeRef } from "./ports/descriptors.js";
export type {
  IdentitySource,
  PeerIdentity,
  Svid,
  Token,
  TokenLink,
  TokenSource,
} from "./ports/identity.js";
export type { Liveness } from "./ports/liveness.js";
export type { HostPort, LinkRequest, LinkSide, MechanismDriver } from "./ports/mechanism-driver.js";
export type { NameServer } from "./ports/name-server.js";
export type { Policy, PolicyInput, PolicyPathSegment } from "./ports/policy.js";
export type { RegistryStore, StoreEvent } from "./ports/registry-store.js";
export type { Resolver, SrvRecord } from "./ports/resolver.js";
export type { WatchedFile } from "./ports/watched-file.js";
export {
  endpointKind,
  findAll,
  networkServiceKind,
  type RegistryElement,
  type RegistryItem,
  type RegistryKind,
  type RegistryNext,
  type RegistryQuery,
  type RegistryResponse,
  registryChain,
  registryTail,
  startRegistry,
} from "./registry.js";
export { Scope, type Undo } from "./scope.js";
export { SerialExecutor } from "./serial-executor.js";
export type { Daemon, Services } from "./services.js";
