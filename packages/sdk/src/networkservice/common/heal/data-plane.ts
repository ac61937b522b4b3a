// SPDX-License-Identifier: Apache-2.0
import { type Connection, type Context, type Liveness, sleep, untilDone, withTimeout } from "@nsm/core";
import type { WatchEnd } from "./control-plane.js";

/** How the data path is checked. */
export interface LivenessCheck {
  readonly liveness: Liveness;
  /** Pause between two checks, milliseconds. */
  readonly intervalMs: number;
  /** Time of one check, milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Checks once. A check that fails to run says nothing about the path and counts as alive; one that does not answer
 * within its time and the interval together counts as dead.
 */
export async function isAlive(
  ctx: Context,
  { liveness, intervalMs, timeoutMs }: LivenessCheck,
  connection: Connection,
): Promise<boolean> {
  const bounded = withTimeout(ctx, timeoutMs + intervalMs);
  try {
    return await untilDone(bounded.ctx, liveness.alive(connection, timeoutMs, bounded.ctx.signal));
  } catch (error) {
    if (bounded.ctx.signal.aborted) return false;
    ctx.log.warn({ err: error, connId: connection.id }, "liveness cannot be checked");
    return true;
  } finally {
    bounded.cancel();
  }
}

/** Checks at intervals until the path is dead. */
export async function watchDataPlane(
  ctx: Context,
  check: LivenessCheck,
  connection: Connection,
): Promise<WatchEnd> {
  for (;;) {
    try {
      await sleep(ctx, check.intervalMs);
    } catch {
      return "ended";
    }
    const alive = await isAlive(ctx, check, connection);
    if (ctx.signal.aborted) return "ended";
    if (!alive) return "lost";
  }
}
