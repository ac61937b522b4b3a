// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  type Context,
  type NetworkServiceElement,
  StatusError,
  sleep,
  statusOf,
  withTimeout,
} from "@nsm/core";

/** How {@link retryClient} repeats. */
export interface RetryOptions {
  /** Pause after a failed try, milliseconds. Default 200. */
  readonly intervalMs?: number;
  /** Time of one try, milliseconds. Default 15 000. */
  readonly tryTimeoutMs?: number;
}

/** The end of the caller, with the text of the last failure. */
function endedAfter(ctx: Context, failure: unknown): StatusError {
  const { code, message, reason } = statusOf(ctx.signal.reason);
  const last = statusOf(failure).message;
  return new StatusError(code, last === message ? message : `${message}: last try: ${last}`, {
    reason,
    cause: failure,
  });
}

/**
 * Repeats Request and Close until one try succeeds or the caller leaves; each try has its own copy of the message
 * and its own time. Nothing is tried once the caller has left. Place before a whole client chain, in front of
 * `update-path`. State: none. Upstream: `retry.NewClient`. Deviation: upstream's is a wrapper, not an element.
 * @throws CANCELLED or DEADLINE_EXCEEDED when the caller's context ends first
 */
export function retryClient({
  intervalMs = 200,
  tryTimeoutMs = 15_000,
}: RetryOptions = {}): NetworkServiceElement {
  const repeat = async <R>(ctx: Context, attempt: (ctx: Context) => Promise<R>): Promise<R> => {
    ctx.signal.throwIfAborted();
    for (;;) {
      const trial = withTimeout(ctx, tryTimeoutMs);
      try {
        return await attempt(trial.ctx);
      } catch (error) {
        trial.cancel();
        ctx.log.debug({ err: error }, "call failed, trying again");
        if (ctx.signal.aborted) throw endedAfter(ctx, error);
        await sleep(ctx, intervalMs).catch(() => {
          throw endedAfter(ctx, error);
        });
      } finally {
        trial.cancel();
      }
    }
  };
  return {
    name: "retry-client",
    request: (ctx, request, next) => repeat(ctx, (trial) => next.request(trial, clone(request))),
    close: (ctx, connection, next) => repeat(ctx, (trial) => next.close(trial, clone(connection))),
  };
}
