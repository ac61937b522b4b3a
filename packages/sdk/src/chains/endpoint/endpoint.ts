// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import {
  type Connection,
  type Context,
  chain,
  type MonitorService,
  type NetworkServiceElement,
  type TokenSource,
} from "@nsm/core";
import { beginServer } from "../../networkservice/common/begin/index.js";
import { ConnectionEvents, monitorServer } from "../../networkservice/common/monitor/index.js";
import { timeoutServer } from "../../networkservice/common/timeout/index.js";
import { trimPathServer } from "../../networkservice/common/trim-path/index.js";
import { updatePathServer } from "../../networkservice/common/update-path/index.js";
import { updateTokenServer } from "../../networkservice/common/update-token/index.js";
import { metadataServer } from "../../networkservice/utils/metadata/index.js";

/** What an endpoint chain is made of. */
export interface EndpointOptions {
  /** Lifetime, clock and log of the chain's background work. */
  readonly ctx: Context;
  /** Makes the tokens of the own path segment. */
  readonly tokens: TokenSource;
  /** Name of the path segment. Default `endpoint-<uuid>`. */
  readonly name?: string;
  /** Refuses callers before anything is known of what they send, for example `admitServer`. Default: nobody is. */
  readonly admit?: NetworkServiceElement;
  /** Checks the path up to here. Default: anybody may. */
  readonly authorize?: NetworkServiceElement;
  /** Puts a check before the connection events, for example `monitorAuthorize`. Default: anybody may follow them. */
  readonly authorizeMonitor?: (inner: MonitorService) => MonitorService;
  /** See `beginServer`. Default: no connection outlives its server. */
  readonly outlived?: (connection: Connection) => boolean;
  /** What the server does, in order. */
  readonly elements?: readonly NetworkServiceElement[];
}

/** The two services of every server of connections. */
export interface Endpoint {
  readonly networkService: NetworkServiceElement;
  readonly monitor: MonitorService;
  /** Where changes of connections are announced. */
  readonly events: ConnectionEvents;
}

/**
 * A server of connections: an endpoint, a forwarder, a manager, by what `elements` do.
 * Upstream: `chains/endpoint`.
 */
export function endpoint(options: EndpointOptions): Endpoint {
  const { ctx } = options;
  const events = new ConnectionEvents(ctx);
  const networkService = chain(
    "endpoint",
    updatePathServer(options.name ?? `endpoint-${randomUUID()}`),
    ...(options.admit === undefined ? [] : [options.admit]), // begin closes and forgets before `authorize`
    beginServer(options.outlived), // nothing stateful above
    updateTokenServer(options.tokens),
    ...(options.authorize === undefined ? [] : [options.authorize]), // needs the caller's token in the path
    metadataServer(), // everything behind keeps its state in it
    timeoutServer(ctx),
    monitorServer(ctx, events),
    trimPathServer(),
    ...(options.elements ?? []),
  );
  return { networkService, monitor: options.authorizeMonitor?.(events) ?? events, events };
}
