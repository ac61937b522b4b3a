// SPDX-License-Identifier: Apache-2.0
import { ConnectionEventType, clone, currentSegment, MonitorScopeSelector, State } from "@nsm/api";
import { type Channel, Code, type Connection, type Context, statusOf, withCancel } from "@nsm/core";
import { ownConnectionFilter } from "../../utils/event-filter.js";
import type { EventConsumer } from "./context.js";

/**
 * Follows a connection at the next hop in the background and announces its changes as changes of the own one. A
 * lost next hop is announced as the connection in state DOWN; a next hop that serves no monitor is left alone.
 * @param connection as the Request returned it, index at the own segment
 * @returns stops following
 */
export function followUpstream(
  chainCtx: Context,
  channel: Channel,
  connection: Connection,
  events: EventConsumer,
): () => void {
  const { ctx, cancel } = withCancel(chainCtx);
  const returned = clone(connection);
  const announce = (state: Connection): void =>
    events.send({ type: ConnectionEventType.UPDATE, connections: { [returned.id]: state } });
  follow(ctx, channel, returned, announce).then(
    () => {
      if (!ctx.signal.aborted) announce({ ...returned, state: State.DOWN });
      cancel();
    },
    (error: unknown) => {
      if (ctx.signal.aborted) return;
      cancel();
      if (statusOf(error).code === Code.UNIMPLEMENTED) return;
      ctx.log.info({ err: error, connId: returned.id }, "the next hop is lost");
      announce({ ...returned, state: State.DOWN });
    },
  );
  return cancel;
}

async function follow(
  ctx: Context,
  channel: Channel,
  connection: Connection,
  announce: (state: Connection) => void,
): Promise<void> {
  const own = currentSegment(connection.path);
  const selector = MonitorScopeSelector.fromPartial({
    pathSegments: [{ id: own?.id ?? connection.id, name: own?.name ?? "" }],
  });
  const stateOf = ownConnectionFilter(connection, { skipUnchangedInitialState: true });
  for await (const event of channel.monitor.monitorConnections(ctx, selector)) {
    if (ctx.signal.aborted) return;
    const state = stateOf(event);
    if (state !== undefined) announce(state);
  }
}
