// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { type Channel, type Connector, type Context, chain, type NetworkServiceElement } from "@nsm/core";
import { beginClient, type Reselect } from "../../networkservice/common/begin/index.js";
import { clientConnClient } from "../../networkservice/common/client-conn/index.js";
import { clientUrlClient } from "../../networkservice/common/client-url/index.js";
import { connectClient } from "../../networkservice/common/connect/index.js";
import { dialClient } from "../../networkservice/common/dial/index.js";
import { refreshClient } from "../../networkservice/common/refresh/index.js";
import { trimPathClient } from "../../networkservice/common/trim-path/index.js";
import { updatePathClient } from "../../networkservice/common/update-path/index.js";
import { metadataClient } from "../../networkservice/utils/metadata/index.js";

/** What a client chain is made of. */
export interface ClientOptions {
  /** Lifetime, clock and log of the chain's background work. */
  readonly ctx: Context;
  /** Reaches the next hop. */
  readonly connector: Connector;
  /** Name of the path segment; inside a server that server's name. Default `client-<uuid>`. */
  readonly name?: string;
  /** Address of the next hop; default: the one in the context. */
  readonly url?: URL;
  /** A channel to use instead of dialling. */
  readonly channel?: Channel;
  /** Longest time of one connection attempt, milliseconds. Default 0: bounded by the call alone. */
  readonly dialTimeoutMs?: number;
  /** Whether connections are renewed before they expire; false inside a server. Default true. */
  readonly refresh?: boolean;
  /** What a reselecting event asks for. Default: any endpoint. */
  readonly reselect?: Reselect;
  /** Checks the returned path. Default: none. */
  readonly authorize?: NetworkServiceElement;
  /** Repairs broken connections; never inside a server. Default: none. */
  readonly heal?: NetworkServiceElement;
  /** Elements between `dial` and `authorize`, in order. */
  readonly elements?: readonly NetworkServiceElement[];
}

const present = (element: NetworkServiceElement | undefined): NetworkServiceElement[] =>
  element === undefined ? [] : [element];

/**
 * A network service client: what an application uses to request connections, and what a server passes requests on
 * with (inside `connect-server`, with `refresh: false`). Upstream: `chains/client`.
 */
export function client(options: ClientOptions): NetworkServiceElement {
  const { ctx, connector, dialTimeoutMs = 0, refresh = true } = options;
  return chain(
    "client",
    updatePathClient(options.name ?? `client-${randomUUID()}`),
    beginClient(options.reselect === undefined ? {} : { reselect: options.reselect }),
    metadataClient(), // everything behind keeps its state in it
    ...(refresh ? [refreshClient(ctx)] : []),
    clientUrlClient(options.url),
    clientConnClient(options.channel),
    ...present(options.heal), // before dial: it follows the channel that dial made
    dialClient(connector, { dialTimeoutMs }),
    ...(options.elements ?? []),
    ...present(options.authorize),
    trimPathClient(),
    connectClient(),
  );
}
