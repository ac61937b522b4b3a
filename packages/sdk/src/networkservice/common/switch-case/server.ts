// SPDX-License-Identifier: Apache-2.0
import {
  type Connection,
  type Context,
  type NetworkServiceElement,
  type NetworkServiceNext,
  start,
} from "@nsm/core";

/** A branch and which connections take it. */
export interface SwitchCase {
  /** Asked with the connection of Request and Close. */
  condition(ctx: Context, connection: Connection): boolean;
  readonly element: NetworkServiceElement;
}

/**
 * Hands each call to the first branch whose condition holds, else to next; a branch continues with next.
 * State: none. Upstream: `switchcase.NewServer`.
 */
export function switchCaseServer(...cases: readonly SwitchCase[]): NetworkServiceElement {
  const branch = (ctx: Context, connection: Connection, next: NetworkServiceNext): NetworkServiceNext => {
    const taken = cases.find(({ condition }) => condition(ctx, connection));
    return taken === undefined ? next : start(taken.element, next);
  };
  return {
    name: "switch-case-server",
    children: cases.map(({ element }) => element),
    request: (ctx, request, next) => branch(ctx, request.connection, next).request(ctx, request),
    close: (ctx, connection, next) => branch(ctx, connection, next).close(ctx, connection),
  };
}
