// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, clone, equal, State } from "@nsm/api";
import { type Connection, normalizeConnection } from "@nsm/core";

/** What a follower of the next hop's events does not want to hear of. */
export interface EventFilterOptions {
  /** Leave out an initial state that equals the known state. Default false. */
  readonly skipUnchangedInitialState?: boolean;
  /** Leave out DELETE events. Default false. */
  readonly skipDelete?: boolean;
}

/**
 * Turns events of the next hop into states of the own connection: path beyond the own segment, context and state
 * are the next hop's (a deleted connection is DOWN), everything else stays. Events of other connections, of former
 * ids, and such that change nothing are left out. An empty initial state says that the next hop has lost the connection
 * since its Request, in a restart or by a Close of somebody else: DOWN.
 * Upstream: the event filters of `monitor`, `heal` and `upstreamrefresh`. Deviation: upstream passes over an empty
 * initial state; its monitor too knows a connection before the Request returns.
 * @param own connection as the last Request returned it, index at the own segment; copied
 * @returns takes an event, gives the new state (the caller owns it) or undefined
 */
export function ownConnectionFilter(
  own: Connection,
  options: EventFilterOptions = {},
): (event: ConnectionEvent) => Connection | undefined {
  let last = clone(own);
  const { index } = own.path;
  const next = (event: ConnectionEvent, incoming: Connection): Connection | undefined => {
    const segment = incoming.path.pathSegments[index];
    if (segment === undefined || segment.id !== own.id) return undefined;
    if (incoming.path.index !== index && incoming.path.index !== index + 1) return undefined;
    const isInitial = event.type === ConnectionEventType.INITIAL_STATE_TRANSFER;
    if (options.skipUnchangedInitialState && isInitial && incoming.state === last.state) return undefined;
    const state: Connection = {
      ...clone(last),
      path: { ...clone(incoming.path), index },
      context: clone(incoming.context),
      state: event.type === ConnectionEventType.DELETE ? State.DOWN : incoming.state,
    };
    return equal(state, last) ? undefined : state;
  };
  return (event) => {
    if (options.skipDelete && event.type === ConnectionEventType.DELETE) return undefined;
    if (isEmptyInitialState(event)) {
      if (last.state === State.DOWN) return undefined;
      last = { ...last, state: State.DOWN };
      return clone(last);
    }
    let changed: Connection | undefined;
    for (const incoming of Object.values(event.connections)) {
      const state = next(event, normalizeConnection(incoming));
      if (state === undefined) continue;
      last = state;
      changed = clone(state);
    }
    return changed;
  };
}

function isEmptyInitialState({ type, connections }: ConnectionEvent): boolean {
  return type === ConnectionEventType.INITIAL_STATE_TRANSFER && Object.keys(connections).length === 0;
}
