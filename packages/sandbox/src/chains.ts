// SPDX-License-Identifier: Apache-2.0
import {
  MechanismType,
  type NetworkService,
  type NetworkServiceEndpoint,
  newNetworkServiceEndpoint,
} from "@nsm/api";
import {
  type Context,
  chain,
  type Daemon,
  elementStatistics,
  endpointKind,
  type NetworkServiceElement,
  type NetworkServiceNext,
  networkServiceKind,
  type RegistryNext,
  start,
  startRegistry,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { defaultMasks } from "@nsm/policy";
import { client } from "@nsm/sdk/chains/client";
import { endpoint } from "@nsm/sdk/chains/endpoint";
import { registryClient } from "@nsm/sdk/chains/registry-client";
import { authorizeClient, authorizeServer } from "@nsm/sdk/networkservice/common/authorize";
import type { Reselect } from "@nsm/sdk/networkservice/common/begin";
import { connectServer } from "@nsm/sdk/networkservice/common/connect";
import { type HealOptions, healClient } from "@nsm/sdk/networkservice/common/heal";
import { mechanismTranslationClient } from "@nsm/sdk/networkservice/common/mechanism-translation";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { kernelClient, kernelServer } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdClient, sendfdServer } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { replaceLabelsClient, replaceNseNameClient } from "@nsm/sdk/networkservice/common/passthrough";
import { type RetryOptions, retryClient } from "@nsm/sdk/networkservice/common/retry";

const DIAL_TIMEOUT_MS = 2_000;

/** Registries as a daemon reaches them through its manager. */
export interface RegistryAccess {
  readonly networkServices: RegistryNext<NetworkService>;
  readonly endpoints: RegistryNext<NetworkServiceEndpoint>;
}

/** Registry clients over the manager's socket. */
export function registryAccess(ports: Ports, ctx: Context, managerUrl: URL): RegistryAccess {
  const { connector } = ports;
  return {
    networkServices: startRegistry(registryClient(networkServiceKind, { ctx, connector, url: managerUrl })),
    endpoints: startRegistry(registryClient(endpointKind, { ctx, connector, url: managerUrl })),
  };
}

/** An endpoint to be started on a node. */
export interface EndpointSpec {
  readonly name: string;
  readonly services: readonly string[];
  /** Labels of every service. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What it does with a connection before it offers its kernel interface. Default: nothing. */
  readonly elements?: readonly NetworkServiceElement[];
  /** Labels with which it passes connections on to another endpoint of their service. Default: it ends the path. */
  readonly passesOnWith?: Readonly<Record<string, string>>;
}

/** How an endpoint asks for the next one; a segment of the path of its own. */
function passingOn(spec: EndpointSpec, managerUrl: URL, ports: Ports, ctx: Context): NetworkServiceElement[] {
  const { connector, descriptors } = ports;
  if (spec.passesOnWith === undefined) return [];
  const next = client({
    ctx,
    name: `${spec.name}-client`,
    url: managerUrl,
    connector,
    dialTimeoutMs: DIAL_TIMEOUT_MS,
    refresh: false,
    elements: [
      mechanismTranslationClient(),
      replaceLabelsClient(spec.passesOnWith),
      replaceNseNameClient(),
      kernelClient(),
      sendfdClient(descriptors),
    ],
  });
  return [connectServer(next)];
}

/** An endpoint with a kernel interface per connection, that registers itself when it starts. */
export function servedEndpoint(spec: EndpointSpec, managerUrl: URL, ports: Ports, ctx: Context): Daemon {
  const { name, services, labels = {}, elements = [] } = spec;
  const { networkService, monitor } = endpoint({
    ctx,
    tokens: ports.tokens,
    name,
    ...(ports.policies && {
      authorize: authorizeServer(ports.policies(defaultMasks.networkServiceServer)),
    }),
    elements: [
      ...elements,
      mechanismsServer({ [MechanismType.KERNEL]: kernelServer(), [MechanismType.NOOP]: chain("noop") }),
      sendfdServer(ports.descriptors),
      ...passingOn(spec, managerUrl, ports, ctx),
    ],
  });
  const registry = registryAccess(ports, ctx, managerUrl);
  const item = (): NetworkServiceEndpoint =>
    newNetworkServiceEndpoint({
      name,
      networkServiceNames: [...services],
      networkServiceLabels: Object.fromEntries(
        services.map((service) => [service, { labels: { ...labels } }]),
      ),
      url: ports.servedUrls()[0]?.href ?? "",
    });
  return {
    services: { networkService, monitor },
    start: async (startCtx) => void (await registry.endpoints.register(startCtx, item())),
    stop: (stopCtx) => registry.endpoints.unregister(stopCtx, item()),
    statistics: () => elementStatistics(networkService),
  };
}

/** A client of the sandbox. */
export interface SandboxClient extends NetworkServiceNext {
  /** Counts of everything its chain keeps. */
  statistics(): Record<string, number>;
}

/** What a client of the sandbox does beyond asking. */
export interface ClientSpec {
  /** Elements behind `dial`, as an application would add them. Default: none. */
  readonly elements?: readonly NetworkServiceElement[];
  /** Repairs broken connections in this way. Default: it does not. */
  readonly heal?: HealOptions;
  /** Repeats failed calls in this way. Default: it does not. */
  readonly retry?: RetryOptions;
  /** What a repair that gives the endpoint up asks for. Default: any endpoint. */
  readonly reselect?: Reselect;
}

/** A client that asks a manager for a kernel interface. */
export function sandboxClient(
  name: string,
  managerUrl: URL,
  { elements = [], heal, retry, reselect }: ClientSpec,
  { connector, descriptors, policies }: Ports,
  ctx: Context,
): SandboxClient {
  const element = chain(
    "application",
    ...(retry === undefined ? [] : [retryClient(retry)]),
    client({
      ctx,
      name,
      url: managerUrl,
      connector,
      dialTimeoutMs: DIAL_TIMEOUT_MS,
      ...(heal === undefined ? {} : { heal: healClient(ctx, heal) }),
      ...(reselect === undefined ? {} : { reselect }),
      ...(policies && { authorize: authorizeClient(policies(defaultMasks.networkServiceClient)) }),
      elements: [...elements, kernelClient(), sendfdClient(descriptors)],
    }),
  );
  const chained = start(element);
  return {
    request: (callCtx, request) => chained.request(callCtx, request),
    close: (callCtx, connection) => chained.close(callCtx, connection),
    statistics: () => elementStatistics(element),
  };
}
