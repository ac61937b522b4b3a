// SPDX-License-Identifier: Apache-2.0
import type { handleServerStreamingCall, handleUnaryCall, Server } from "@grpc/grpc-js";
import {
  type Connection,
  Empty,
  type HealthCheckRequest,
  type HealthCheckResponse,
  type MonitorScopeSelector,
  type NetworkService,
  type NetworkServiceEndpoint,
  type NetworkServiceEndpointQuery,
  type NetworkServiceEndpointResponse,
  type NetworkServiceQuery,
  type NetworkServiceRequest,
  type NetworkServiceResponse,
} from "@nsm/api";
import {
  type Context,
  normalizeConnection,
  normalizeRequest,
  type RegistryElement,
  type RegistryItem,
  type Services,
  start,
  startRegistry,
} from "@nsm/core";
import {
  endpointRegistryWire,
  healthWire,
  monitorWire,
  networkServiceRegistryWire,
  networkServiceWire,
} from "../services.js";
import type { CallRunner } from "./call-runner.js";
import type { Health } from "./health.js";
import { checkPath, required } from "./limits.js";

/** What the handlers of a server share. */
export interface HandlerOptions {
  readonly runner: CallRunner;
  readonly health: Health;
  /** Paths longer than this are refused. */
  readonly maxPathSegments: number;
}

/** Registers health and every service that is there; calls to others are answered UNIMPLEMENTED by grpc-js. */
export function addServices(server: Server, services: Services, options: HandlerOptions): void {
  const { networkService, monitor, networkServices, endpoints } = services;
  if (networkService) addNetworkService(server, networkService, options);
  if (monitor) addMonitor(server, monitor, options);
  if (networkServices) addNetworkServiceRegistry(server, networkServices, options);
  if (endpoints) addEndpointRegistry(server, endpoints, options);
  addHealth(server, options);
}

const unary =
  <Q, R>(runner: CallRunner, work: (ctx: Context, request: Q) => Promise<R>): handleUnaryCall<Q, R> =>
  (call, callback) =>
    void runner.unary(call, callback, async (ctx) => work(ctx, call.request));

const stream =
  <Q, R>(
    runner: CallRunner,
    work: (ctx: Context, request: Q) => AsyncIterable<R>,
  ): handleServerStreamingCall<Q, R> =>
  (call) =>
    void runner.stream(call, (ctx) => work(ctx, call.request));

function addNetworkService(
  server: Server,
  element: NonNullable<Services["networkService"]>,
  { runner, maxPathSegments }: HandlerOptions,
): void {
  const chain = start(element);
  server.addService(networkServiceWire, {
    request: unary(runner, async (ctx, message: NetworkServiceRequest) => {
      checkPath("connection.path.path_segments", message.connection?.path, maxPathSegments);
      return await chain.request(ctx, normalizeRequest(message));
    }),
    close: unary(runner, async (ctx, message: Connection) => {
      checkPath("path.path_segments", message.path, maxPathSegments);
      await chain.close(ctx, normalizeConnection(message));
      return Empty.create();
    }),
  });
}

function addMonitor(
  server: Server,
  monitor: NonNullable<Services["monitor"]>,
  { runner, maxPathSegments }: HandlerOptions,
): void {
  server.addService(monitorWire, {
    monitorConnections: stream(runner, (ctx, selector: MonitorScopeSelector) => {
      checkPath("path_segments", selector, maxPathSegments);
      return monitor.monitorConnections(ctx, selector);
    }),
  });
}

/** Both registries have the same three methods; only the names of the query's and response's item differ. */
function registryHandlers<T extends RegistryItem, Q extends { watch: boolean }, F extends object>(
  element: RegistryElement<T>,
  runner: CallRunner,
  itemOf: (query: Q) => T,
  found: (item: T, deleted: boolean) => F,
): {
  register: handleUnaryCall<T, T>;
  find: handleServerStreamingCall<Q, F>;
  unregister: handleUnaryCall<T, Empty>;
} {
  const chain = startRegistry(element);
  return {
    register: unary(runner, (ctx, item) => chain.register(ctx, item)),
    find: stream(runner, async function* (ctx, query) {
      for await (const { item, deleted } of chain.find(ctx, { item: itemOf(query), watch: query.watch })) {
        yield found(item, deleted);
      }
    }),
    unregister: unary(runner, async (ctx, item) => {
      await chain.unregister(ctx, item);
      return Empty.create();
    }),
  };
}

function addNetworkServiceRegistry(
  server: Server,
  element: RegistryElement<NetworkService>,
  { runner }: HandlerOptions,
): void {
  const handlers = registryHandlers<NetworkService, NetworkServiceQuery, NetworkServiceResponse>(
    element,
    runner,
    (query) => required("network_service", query.networkService),
    (networkService, deleted) => ({ networkService, deleted }),
  );
  server.addService(networkServiceRegistryWire, { ...handlers });
}

function addEndpointRegistry(
  server: Server,
  element: RegistryElement<NetworkServiceEndpoint>,
  { runner }: HandlerOptions,
): void {
  const handlers = registryHandlers<
    NetworkServiceEndpoint,
    NetworkServiceEndpointQuery,
    NetworkServiceEndpointResponse
  >(
    element,
    runner,
    (query) => required("network_service_endpoint", query.networkServiceEndpoint),
    (networkServiceEndpoint, deleted) => ({ networkServiceEndpoint, deleted }),
  );
  server.addService(endpointRegistryWire, { ...handlers });
}

function addHealth(server: Server, { runner, health }: HandlerOptions): void {
  const watch: handleServerStreamingCall<HealthCheckRequest, HealthCheckResponse> = (call) =>
    void runner.stream(call, (ctx) => health.watch(ctx, call.request.service), "finish");
  server.addService(healthWire, {
    check: unary(runner, async (_ctx, { service }: HealthCheckRequest) => health.check(service)),
    watch,
  });
}
