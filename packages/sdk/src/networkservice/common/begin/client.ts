// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { beginElement } from "./element.js";
import { mergeConnection } from "./merge.js";
import { type Reselect, reselectAnyEndpoint } from "./reselect.js";

/** Options of {@link beginClient}. */
export interface BeginClientOptions {
  /** Applied to the request of an event with `reselect`. Default: `reselectAnyEndpoint`. */
  readonly reselect?: Reselect;
}

/**
 * One event at a time per connection id, in order; a repeated Request is merged with the connection as it is now
 * (see `mergeConnection`), Close always gets the last known connection. Puts the `eventFactory` into the context.
 * Place after `update-path`, before everything stateful. State: last request, connection and context values per id.
 * Behind another begin (a client chain inside a server) it is transparent. Upstream: `begin.NewClient`. Deviations:
 * as of `beginServer`, and a new result is in state UP.
 * @throws INVALID_ARGUMENT CONNECTION_ID_EMPTY
 */
export function beginClient({
  reselect = reselectAnyEndpoint,
}: BeginClientOptions = {}): NetworkServiceElement {
  return beginElement({
    name: "begin-client",
    reselect,
    outlived: () => false,
    async prepare(entry, request) {
      if (!entry.established) return;
      request.connection = mergeConnection(entry.returned, request.connection, entry.lastRequest?.connection);
    },
  });
}
