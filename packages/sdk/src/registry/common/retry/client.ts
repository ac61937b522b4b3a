// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Context,
  type RegistryElement,
  type RegistryItem,
  type RegistryKind,
  type RegistryNext,
  type RegistryQuery,
  type RegistryResponse,
  StatusError,
  sleep,
  statusOf,
  withSignal,
  withTimeout,
} from "@nsm/core";
import { isDialFailure } from "../../../utils/dial-failure.js";

/** How {@link retryClient} repeats. */
export interface RetryOptions {
  /** Milliseconds between two tries; default 200. At most 100 while the next hop cannot be reached. */
  readonly intervalMs?: number;
  /** Milliseconds for one try of Register or Unregister; default 15 000. */
  readonly tryTimeoutMs?: number;
}

/** The next hop is on the same machine and may be back any moment; asking costs nobody anything. */
const UNREACHABLE_INTERVAL_MS = 100;

/** Answers of a Find that repeating cannot change. */
const FINAL_CODES: ReadonlySet<Code> = new Set([
  Code.INVALID_ARGUMENT,
  Code.PERMISSION_DENIED,
  Code.UNAUTHENTICATED,
  Code.UNIMPLEMENTED,
]);

/**
 * Repeats Register and Unregister until success, or until the caller or the chain ends. Of Find only the opening
 * is repeated: what fails before the first hit, unless the answer is final. Upstream: `retry`.
 * @param lifetime the chain's context
 * @throws CANCELLED or DEADLINE_EXCEEDED when the context ends first, with the text of the last failure
 */
export function retryClient<T extends RegistryItem>(
  kind: RegistryKind<T>,
  lifetime: Context,
  { intervalMs = 200, tryTimeoutMs = 15_000 }: RetryOptions = {},
): RegistryElement<T> {
  const pause = async (ctx: Context, error: unknown): Promise<void> => {
    ctx.log.debug({ err: error }, "registry call failed, trying again");
    const pauseMs = isDialFailure(error) ? Math.min(intervalMs, UNREACHABLE_INTERVAL_MS) : intervalMs;
    await sleep(ctx, pauseMs).catch((end: unknown) => {
      throw endedAfter(end, error);
    });
  };
  const repeat = async <R>(caller: Context, attempt: (ctx: Context) => Promise<R>): Promise<R> => {
    const { ctx, cancel } = withSignal(caller, lifetime.signal);
    try {
      for (;;) {
        const trial = withTimeout(ctx, tryTimeoutMs);
        try {
          return await attempt(trial.ctx);
        } catch (error) {
          await pause(ctx, error);
        } finally {
          trial.cancel();
        }
      }
    } finally {
      cancel();
    }
  };
  return {
    name: "retry-client",
    register: (ctx, item, next) => repeat(ctx, (trial) => next.register(trial, kind.clone(item))),
    unregister: (ctx, item, next) => repeat(ctx, (trial) => next.unregister(trial, kind.clone(item))),
    async *find(caller, query, next) {
      const { ctx, cancel } = withSignal(caller, lifetime.signal);
      try {
        for (;;) {
          const opening = new Opening(ctx, query, next, kind);
          yield* opening.hits();
          if (opening.error === undefined) return;
          try {
            await pause(ctx, opening.error);
          } catch (error) {
            if (query.watch) return;
            throw error;
          }
        }
      } finally {
        cancel();
      }
    },
  };
}

/** One try of a Find; keeps the error when it failed before the first hit. */
class Opening<T extends RegistryItem> {
  error: unknown;

  constructor(
    private readonly ctx: Context,
    private readonly query: RegistryQuery<T>,
    private readonly next: RegistryNext<T>,
    private readonly kind: RegistryKind<T>,
  ) {}

  async *hits(): AsyncGenerator<RegistryResponse<T>> {
    let opened = false;
    const query = { item: this.kind.clone(this.query.item), watch: this.query.watch };
    try {
      for await (const hit of this.next.find(this.ctx, query)) {
        opened = true;
        yield hit;
      }
    } catch (error) {
      if (opened || FINAL_CODES.has(statusOf(error).code)) throw error;
      this.error = error;
    }
  }
}

function endedAfter(end: unknown, error: unknown): StatusError {
  const { code, message, reason } = statusOf(end);
  return new StatusError(code, `${message}: last try: ${statusOf(error).message}`, { reason, cause: error });
}
