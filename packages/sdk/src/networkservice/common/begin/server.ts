// SPDX-License-Identifier: Apache-2.0
import { State } from "@nsm/api";
import type { Connection, NetworkServiceElement } from "@nsm/core";
import { beginElement } from "./element.js";

/**
 * One event at a time per connection id, in order; Close always gets the last known connection, whatever the
 * caller sends, and is dropped for a connection that is not established. Puts the `eventFactory` into the context.
 * A Request in state RESELECT_REQUESTED for an established connection first closes the old one (as the old peer;
 * its failure is only logged). A successful connection is in state UP.
 * Place after `update-path`, before everything stateful. State: last request, connection and context values per id.
 * Behind another begin it is transparent. Upstream: `begin.NewServer`. Deviations: a Close fired from inside is
 * dropped once the id belongs to a new connection or a Close has succeeded, so that it can neither overlap nor
 * repeat one; events fired from inside carry core's `internalEvent` key.
 * @param outlived tells of a connection that is not known here whether something of it outlived an earlier process:
 * then its Close goes on, with what the caller sends. Default: nothing does
 * @throws INVALID_ARGUMENT CONNECTION_ID_EMPTY
 */
export function beginServer(
  outlived: (connection: Connection) => boolean = () => false,
): NetworkServiceElement {
  return beginElement({
    name: "begin-server",
    reselect: undefined,
    outlived,
    async prepare(entry, request) {
      if (!entry.established || request.connection.state !== State.RESELECT_REQUESTED) return;
      await entry.closeForReselect();
      entry.established = false;
      entry.lastRequest = undefined;
    },
  });
}
