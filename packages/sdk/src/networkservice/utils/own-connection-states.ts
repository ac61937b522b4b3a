// SPDX-License-Identifier: Apache-2.0
import { currentSegment, MonitorScopeSelector } from "@nsm/api";
import { type Channel, type Connection, type Context, deadlineExceeded, withCancel } from "@nsm/core";
import { type EventFilterOptions, ownConnectionFilter } from "./event-filter.js";

/** How long a next hop may take to send the first event, milliseconds. */
const OPEN_TIMEOUT_MS = 15_000;

/** Options of {@link ownConnectionStates}. */
export interface OwnConnectionStatesOptions extends EventFilterOptions {
  /** Longest wait for the first event, milliseconds. Default 15 000. */
  readonly openTimeoutMs?: number;
}

/**
 * Follows a connection at the next hop: its states as `ownConnectionFilter` makes them. Ends without error when the
 * next hop ends the stream or the context is over.
 * @param own connection as the Request returned it, index at the own segment
 * @throws DEADLINE_EXCEEDED when the first event does not come in time
 * @throws what the stream throws
 */
export async function* ownConnectionStates(
  ctx: Context,
  channel: Channel,
  own: Connection,
  { openTimeoutMs = OPEN_TIMEOUT_MS, ...filter }: OwnConnectionStatesOptions = {},
): AsyncGenerator<Connection> {
  const segment = currentSegment(own.path);
  const selector = MonitorScopeSelector.fromPartial({
    pathSegments: [{ id: segment?.id ?? own.id, name: segment?.name ?? "" }],
  });
  const stateOf = ownConnectionFilter(own, filter);
  const stream = withCancel(ctx);
  const late = ctx.clock.setTimeout(() => stream.cancel(deadlineExceeded()), openTimeoutMs, true);
  try {
    for await (const event of channel.monitor.monitorConnections(stream.ctx, selector)) {
      late.cancel();
      const state = stateOf(event);
      if (state !== undefined) yield state;
    }
    if (!ctx.signal.aborted) stream.ctx.signal.throwIfAborted();
  } finally {
    late.cancel();
    stream.cancel();
  }
}
