// SPDX-License-Identifier: Apache-2.0
import {
  MechanismClass,
  MechanismType,
  type NetworkService,
  type NetworkServiceEndpoint,
  Payload,
} from "@nsm/api";
import {
  type Connection,
  type Connector,
  type Context,
  chain,
  type Descriptors,
  type MonitorService,
  type NetworkServiceElement,
  type RegistryNext,
  type TokenSource,
} from "@nsm/core";
import { client } from "@nsm/sdk/chains/client";
import { type Endpoint, endpoint } from "@nsm/sdk/chains/endpoint";
import { connectServer } from "@nsm/sdk/networkservice/common/connect";
import { discoverServer } from "@nsm/sdk/networkservice/common/discover";
import { filterMechanismsClient } from "@nsm/sdk/networkservice/common/filter-mechanisms";
import { mechanismPriorityClient } from "@nsm/sdk/networkservice/common/mechanism-priority";
import { mechanismTranslationClient } from "@nsm/sdk/networkservice/common/mechanism-translation";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { recvfdClient, recvfdServer } from "@nsm/sdk/networkservice/common/mechanisms/recvfd";
import { sendfdClient, sendfdServer } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { vniClient, vniServer } from "@nsm/sdk/networkservice/common/mechanisms/vxlan/vni";
import { roundRobinServer } from "@nsm/sdk/networkservice/common/round-robin";
import {
  announceServer,
  connectionContextKernelClient,
  connectionContextKernelServer,
  ethernetContextClient,
  ethernetContextServer,
  hostLinksServer,
  keepVniServer,
  mechanismDriverClient,
  mechanismDriverServer,
  mtuClient,
  mtuServer,
  nsMonitorClient,
  reportDownServer,
  vxlanMtuClient,
  vxlanMtuServer,
  xconnectServer,
} from "../elements/index.js";
import type { HostLinks } from "../host-links/index.js";
import type { Dataplane, VxlanTunnels } from "./dataplane.js";

/** What a forwarder is made of. */
export interface ForwarderOptions {
  /** Lifetime, clock and log of the chain's background work. */
  readonly ctx: Context;
  /** Name of the path segment; stable over restarts, so that connection ids stay too. */
  readonly name: string;
  readonly tokens: TokenSource;
  /** Reaches endpoints and remote managers. */
  readonly connector: Connector;
  /** Opens received files again to send them on. */
  readonly descriptors: Descriptors;
  /** Where endpoints are found: the node's manager. */
  readonly registries: {
    readonly networkServices: RegistryNext<NetworkService>;
    readonly endpoints: RegistryNext<NetworkServiceEndpoint>;
  };
  readonly dataplane: Dataplane;
  /** `NSM_MECHANISM_PRIORITY`: types most wanted first. Default: none. */
  readonly mechanismPriority?: readonly string[];
  /** `NSM_IP_OVER_VXLAN`: whether VXLAN is offered and accepted for payload IP. Default: true. */
  readonly ipOverVxlan?: boolean;
  /** Longest time of one connection attempt, milliseconds. Default 750, as cmd-forwarder-vpp. */
  readonly dialTimeoutMs?: number;
  /**
   * `NSM_MAX_TOKEN_LIFETIME`: how long links of an earlier process of this name wait for their connections before they
   * are removed, milliseconds. Default: ten minutes, as cmd-forwarder-vpp's.
   */
  readonly maxTokenLifetimeMs?: number;
  /** See `EndpointOptions`. Default: nobody is refused by identity alone. */
  readonly admit?: NetworkServiceElement;
  /** Checks callers. Default: anybody may. */
  readonly authorize?: NetworkServiceElement;
  /** See `EndpointOptions`. Default: anybody may follow connections. */
  readonly authorizeMonitor?: (inner: MonitorService) => MonitorService;
  /** Counts what connections report, for example `metricsServer`. Default: nobody does. */
  readonly metrics?: NetworkServiceElement;
  /** Closes connections when the forwarder ends, for example `cleanupClient`. Default: their links stay. */
  readonly cleanup?: NetworkServiceElement;
}

const present = (element: NetworkServiceElement | undefined): NetworkServiceElement[] =>
  element === undefined ? [] : [element];

/** Upstream's default of `NSM_DIAL_TIMEOUT`. */
const DIAL_TIMEOUT_MS = 750;

/** Upstream's default of `NSM_MAX_TOKEN_LIFETIME`. */
const MAX_TOKEN_LIFETIME_MS = 600_000;

/**
 * The forwarder: takes over the links that an earlier process of its name left, finds the endpoint, passes the request on with mechanisms of its own, and builds the data path on the
 * way back, from the endpoint to the requester; it answers when frames flow. Upstream: cmd-forwarder-vpp
 * `xconnectns.NewServer`.
 */
export function forwarderServer(options: ForwarderOptions): Endpoint {
  const { ctx, name, tokens, connector, descriptors, registries, dataplane } = options;
  const { dialTimeoutMs = DIAL_TIMEOUT_MS, ipOverVxlan = true } = options;
  const { kernel, vxlan, pods, hostLinks, announce } = dataplane;
  const { forgetNeighbours } = pods;
  hostLinks?.serve(ctx, name, options.maxTokenLifetimeMs ?? MAX_TOKEN_LIFETIME_MS);
  const watches = dataplane.watch?.(ctx);
  const payloads = ipOverVxlan ? [Payload.ETHERNET, Payload.IP] : [Payload.ETHERNET];
  const next = client({
    ctx,
    name, // the server's segment
    connector,
    dialTimeoutMs,
    refresh: false, // the client at the start of the path refreshes
    elements: [
      ...present(options.cleanup),
      mechanismTranslationClient(), // behind it the endpoint's mechanism, before it the requester's
      connectionContextKernelClient(pods), // after the link was built: the way back runs upwards
      ethernetContextClient(pods),
      mtuClient(),
      mechanismDriverClient(kernel, { cls: MechanismClass.LOCAL }),
      ...(vxlan === undefined ? [] : [vxlanClient(vxlan, payloads)]),
      filterMechanismsClient(), // behind everything that adds preferences
      mechanismPriorityClient(options.mechanismPriority ?? []),
      recvfdClient(),
      ...present(watches && nsMonitorClient()),
      sendfdClient(descriptors),
    ],
  });
  return endpoint({
    ctx,
    name,
    tokens,
    ...(options.admit && { admit: options.admit }),
    ...(options.authorize && { authorize: options.authorize }),
    ...(options.authorizeMonitor && { authorizeMonitor: options.authorizeMonitor }),
    ...(hostLinks && { outlived: (connection) => hasLeftover(hostLinks, connection) }),
    elements: [
      ...present(hostLinks && hostLinksServer(hostLinks)), // from here on nobody removes the connection's links
      recvfdServer(), // descriptors of the call live until it returns
      sendfdServer(descriptors),
      discoverServer(registries),
      roundRobinServer(),
      ...present(options.metrics),
      ...present(watches && reportDownServer(ctx, watches)), // all that builds links is behind it
      ...present(announce && announceServer({ announce, forgetNeighbours }, hostLinks)), // frames pass then
      xconnectServer(dataplane.crossConnect), // both links exist when the reply passes here
      connectionContextKernelServer(pods),
      ethernetContextServer(pods),
      mtuServer(),
      mechanismsServer({
        [MechanismType.KERNEL]: mechanismDriverServer(kernel),
        ...(vxlan === undefined ? {} : { [MechanismType.VXLAN]: vxlanServer(vxlan, payloads, hostLinks) }),
      }),
      connectServer(next),
    ],
  });
}

/** How often another VNI is asked for when the peer's choice is taken on this node. */
const VNI_ATTEMPTS = 5;

function vxlanClient(vxlan: VxlanTunnels, payloads: readonly string[]): NetworkServiceElement {
  return chain(
    "vxlan",
    mechanismDriverClient(vxlan.driver, { cls: MechanismClass.REMOTE, payloads, attempts: VNI_ATTEMPTS }),
    vxlanMtuClient(vxlan.mtuBytes),
    vniClient(vxlan.tunnelIp, vxlan.port),
  );
}

function hasLeftover(links: HostLinks, connection: Connection): boolean {
  return (["server", "client"] as const).some((side) => links.leftover(side, connection) !== undefined);
}

function vxlanServer(
  vxlan: VxlanTunnels,
  payloads: readonly string[],
  hostLinks: HostLinks | undefined,
): NetworkServiceElement {
  const { tunnelIp, port, randomUint32 } = vxlan;
  return chain(
    "vxlan",
    mechanismDriverServer(vxlan.driver, payloads),
    vxlanMtuServer(vxlan.mtuBytes),
    ...present(hostLinks && keepVniServer(hostLinks)), // before one is drawn
    vniServer(tunnelIp, { port, randomUint32 }),
  );
}
