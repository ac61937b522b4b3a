// SPDX-License-Identifier: Apache-2.0
import { State } from "@nsm/api";
import { type Channel, Code, type Connection, type Context, statusOf } from "@nsm/core";
import { ownConnectionStates } from "../../utils/own-connection-states.js";

/**
 * What became of a watch: the connection is `lost`; the next hop or the own side has `ended` it; it is `refused`,
 * so that nothing can be said.
 */
export type WatchEnd = "lost" | "ended" | "refused";

/** Answers of a next hop that repeating cannot change: it serves no monitor, or not for this client. */
const REFUSALS: ReadonlySet<Code> = new Set([
  Code.UNIMPLEMENTED,
  Code.PERMISSION_DENIED,
  Code.UNAUTHENTICATED,
]);

/**
 * Follows a connection at the next hop until it is DOWN there, deleted, or the stream ends; a stream that ends with
 * CANCELLED says that the connection is not to be repaired.
 */
export async function watchControlPlane(
  ctx: Context,
  channel: Channel,
  connection: Connection,
): Promise<WatchEnd> {
  try {
    for await (const { state } of ownConnectionStates(ctx, channel, connection)) {
      if (ctx.signal.aborted) return "ended";
      if (state === State.DOWN) return "lost";
    }
  } catch (error) {
    if (ctx.signal.aborted) return "ended";
    const { code } = statusOf(error);
    ctx.log.info({ err: error, connId: connection.id }, "watching the next hop has ended");
    if (code === Code.CANCELLED) return "ended";
    return REFUSALS.has(code) ? "refused" : "lost";
  }
  return ctx.signal.aborted ? "ended" : "lost";
}
