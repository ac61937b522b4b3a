// SPDX-License-Identifier: Apache-2.0
import { Code, type Context, statusOf, untilDone, withTimeout } from "@nsm/core";

/** How long a registry may take where its former answer would do, milliseconds. */
const PATIENCE_MS = 1_000;

/** Refusals that say something about what was asked; all others say that nobody could be asked. */
const answers: readonly Code[] = [
  Code.NOT_FOUND,
  Code.PERMISSION_DENIED,
  Code.UNAUTHENTICATED,
  Code.INVALID_ARGUMENT,
  Code.FAILED_PRECONDITION,
];

/**
 * Asks a registry. When it cannot be reached, or says nothing for a second, its former answer counts: an established
 * connection needs no registry to go on. That something is not there is an answer.
 * @param former undefined: there is none, the registry has all the time of `ctx`
 * @throws what `ask` throws
 */
export async function askOrFormer<T>(
  ctx: Context,
  former: T | undefined,
  ask: (ctx: Context) => Promise<T>,
): Promise<T> {
  if (former === undefined) return await ask(ctx);
  const limit = withTimeout(ctx, PATIENCE_MS);
  try {
    return await untilDone(limit.ctx, ask(limit.ctx));
  } catch (error) {
    if (ctx.signal.aborted || answers.includes(statusOf(error).code)) throw error;
    ctx.log.debug({ err: error }, "registry cannot be asked, its former answer counts");
    return former;
  } finally {
    limit.cancel();
  }
}
