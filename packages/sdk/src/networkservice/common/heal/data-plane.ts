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
  /** How much later than that a check may answer, milliseconds. */
  readonly graceMs: number;
}

/** Time and grace of {@link inDoubt}: 250 ms together. */
const DOUBT_TIMEOUT_MS = 200;
const DOUBT_GRACE_MS = 50;

/** The same check when there is reason to doubt: it answers within 250 ms. */
export function inDoubt(check: LivenessCheck): LivenessCheck {
  return { ...check, timeoutMs: Math.min(check.timeoutMs, DOUBT_TIMEOUT_MS), graceMs: DOUBT_GRACE_MS };
}

/**
 * Checks once. A check that fails to run says nothing about the path and counts as alive; one that does not answer
 * within its time and grace counts as dead.
 */
async function isAlive(
  ctx: Context,
  { liveness, timeoutMs, graceMs }: LivenessCheck,
  connection: Connection,
): Promise<boolean> {
  const bounded = withTimeout(ctx, timeoutMs + graceMs);
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

/**
 * Checks at intervals for a time, in any case once at its end.
 * @returns false as soon as the path is dead
 * @throws the end of the context
 */
export async function staysAlive(
  ctx: Context,
  check: LivenessCheck,
  connection: Connection,
  durationMs: number,
): Promise<boolean> {
  let restMs = durationMs;
  for (;;) {
    const pauseMs = Math.min(restMs, check.intervalMs);
    if (pauseMs > 0) await sleep(ctx, pauseMs);
    if (!(await isAlive(ctx, check, connection))) return false;
    restMs -= pauseMs;
    if (restMs <= 0) return true;
  }
}
