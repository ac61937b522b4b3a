// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import type {
  Connector,
  Context,
  Descriptors,
  MonitorService,
  NetworkServiceElement,
  TokenSource,
} from "@nsm/core";
import { type ClientInfo, clientInfoClient } from "../../networkservice/common/client-info/index.js";
import { connectServer } from "../../networkservice/common/connect/index.js";
import { discoverForwarderServer } from "../../networkservice/common/discover-forwarder/index.js";
import { recvfdClient, recvfdServer } from "../../networkservice/common/mechanisms/recvfd/index.js";
import { sendfdClient, sendfdServer } from "../../networkservice/common/mechanisms/sendfd/index.js";
import { netSvcMonitorServer } from "../../networkservice/common/net-svc-monitor/index.js";
import type { Registries } from "../../networkservice/utils/registry-lookup.js";
import { client } from "../client/index.js";
import { type Endpoint, endpoint } from "../endpoint/index.js";

/** What the NetworkService half of a manager is made of. */
export interface NsmgrNetworkServiceOptions {
  /** Lifetime, clock and log of the chain's background work. */
  readonly ctx: Context;
  /** Name of the manager's path segment. Default `nsmgr-<uuid>`. */
  readonly name?: string;
  readonly tokens: TokenSource;
  /** Reaches forwarders. */
  readonly connector: Connector;
  /** Opens received files again to send them on. */
  readonly descriptors: Descriptors;
  /** The manager's own registries, called in process; the endpoint one with forwarders' local addresses. */
  readonly registries: Registries;
  /** Public address under which forwarders of this manager are registered; default: all forwarders count as own. */
  readonly managerUrl?: string;
  /** Network service of forwarders. Default `forwarder`. */
  readonly forwarderService?: string;
  /** Longest time of one connection attempt, milliseconds. Default 15 000. */
  readonly dialTimeoutMs?: number;
  /** Labels of this node, for clients that do not state theirs. Default: none. */
  readonly clientInfo?: ClientInfo;
  /** See `EndpointOptions`. Default: nobody is refused by identity alone. */
  readonly admit?: NetworkServiceElement;
  /** Checks callers. Default: anybody may. */
  readonly authorize?: NetworkServiceElement;
  /** Puts a check before the connection events. Default: anybody may follow them. */
  readonly authorizeMonitor?: (inner: MonitorService) => MonitorService;
  /** Adds the cluster's excluded prefixes. Default: none. */
  readonly excludedPrefixes?: NetworkServiceElement;
  /** Counts. Default: none. */
  readonly metrics?: NetworkServiceElement;
}

/** Upstream's default dial timeout of a manager. */
const DIAL_TIMEOUT_MS = 15_000;

const present = (element: NetworkServiceElement | undefined): NetworkServiceElement[] =>
  element === undefined ? [] : [element];

/**
 * The NetworkService and MonitorConnection half of a manager: chooses a forwarder on its node for each connection
 * and passes requests and descriptors on to it. Upstream: `chains/nsmgr`.
 */
export function nsmgrNetworkService(options: NsmgrNetworkServiceOptions): Endpoint {
  const { ctx, tokens, connector, descriptors, registries } = options;
  const { name = `nsmgr-${randomUUID()}`, dialTimeoutMs = DIAL_TIMEOUT_MS } = options;
  const toForwarder = client({
    ctx,
    name, // the server's segment
    connector,
    dialTimeoutMs,
    refresh: false, // the client at the start of the path refreshes
    elements: [recvfdClient(), sendfdClient(descriptors)],
  });
  return endpoint({
    ctx,
    name,
    tokens,
    ...(options.admit && { admit: options.admit }),
    ...(options.authorize === undefined ? {} : { authorize: options.authorize }),
    ...(options.authorizeMonitor === undefined ? {} : { authorizeMonitor: options.authorizeMonitor }),
    elements: [
      clientInfoClient(options.clientInfo ?? {}), // before labels choose the forwarder
      discoverForwarderServer({
        registries,
        ...(options.forwarderService === undefined ? {} : { forwarderService: options.forwarderService }),
        ...(options.managerUrl === undefined ? {} : { managerUrl: options.managerUrl }),
      }),
      netSvcMonitorServer(ctx, registries),
      ...present(options.excludedPrefixes),
      recvfdServer(), // descriptors of the call live until it returns
      ...present(options.metrics),
      connectServer(toForwarder),
      sendfdServer(descriptors),
    ],
  });
}
