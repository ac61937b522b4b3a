// SPDX-License-Identifier: Apache-2.0
import { setMaxListeners } from "node:events";
import type { Clock, Timer } from "./clock.js";
import { Code, StatusError } from "./errors.js";
import type { Logger } from "./logger.js";
import { onAbort } from "./on-abort.js";

/** Names a value carried by a {@link Context}; made by {@link contextKey}, compared by identity. */
export interface ContextKey<T> {
  readonly name: string;
  /** Never present; ties the key to the type of its value. */
  readonly valueType?: T;
}

/** Makes a key. `name` only shows in debug output. */
export function contextKey<T>(name: string): ContextKey<T> {
  return { name };
}

/**
 * What a call carries beside its message: lifetime, deadline, clock, logger and typed values.
 * Immutable: `with…` makes a child. Upstream: Go's `context.Context`.
 */
export interface Context {
  /** Aborted when the call ends; its reason is a {@link StatusError}. */
  readonly signal: AbortSignal;
  /** When the call must be over, in milliseconds since the epoch of `clock`; undefined = no limit. */
  readonly deadlineMs: number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  get<T>(key: ContextKey<T>): T | undefined;
  with<T>(key: ContextKey<T>, value: T): Context;
  /** A child whose log records carry `fields` too. */
  withLog(fields: Record<string, unknown>): Context;
}

interface Lifetime {
  readonly signal: AbortSignal;
  readonly deadlineMs: number | undefined;
}

interface ValueNode {
  readonly key: ContextKey<unknown>;
  readonly value: unknown;
  readonly parent: ValueNode | undefined;
}

class ContextImpl implements Context {
  constructor(
    private readonly lifetime: Lifetime,
    readonly clock: Clock,
    readonly log: Logger,
    private readonly values: ValueNode | undefined,
  ) {}

  get signal(): AbortSignal {
    return this.lifetime.signal;
  }

  get deadlineMs(): number | undefined {
    return this.lifetime.deadlineMs;
  }

  get<T>(key: ContextKey<T>): T | undefined {
    for (let node = this.values; node !== undefined; node = node.parent) {
      if (node.key === key) return node.value as T;
    }
    return undefined;
  }

  with<T>(key: ContextKey<T>, value: T): Context {
    return new ContextImpl(this.lifetime, this.clock, this.log, { key, value, parent: this.values });
  }

  withLog(fields: Record<string, unknown>): Context {
    return new ContextImpl(this.lifetime, this.clock, this.log.child(fields), this.values);
  }

  withLifetime(lifetime: Lifetime): ContextImpl {
    return new ContextImpl(lifetime, this.clock, this.log, this.values);
  }
}

const neverAborted = new AbortController().signal;
allowManyListeners(neverAborted);

/** A chain's context has one listener per connection; Node warns of more than ten. */
function allowManyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

/** What {@link rootContext} needs. */
export interface RootContextOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: never aborted. */
  readonly signal?: AbortSignal;
}

/** A context without values and deadline. */
export function rootContext(options: RootContextOptions): Context {
  const signal = options.signal ?? neverAborted;
  allowManyListeners(signal);
  return new ContextImpl({ signal, deadlineMs: undefined }, options.clock, options.log, undefined);
}

/** A context that ends by itself or by {@link CancellableContext.cancel}; always cancel it, else its timer and listener stay. */
export interface CancellableContext {
  readonly ctx: Context;
  /**
   * Ends the context; harmless when it has ended.
   * @param reason default: CANCELLED "context canceled"
   */
  cancel(reason?: StatusError): void;
}

/**
 * The error of a context that was cancelled (text as Go's). It has no stack: one is made at the end of every call,
 * and few are ever looked at.
 */
export function contextCancelled(): StatusError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new StatusError(Code.CANCELLED, "context canceled", { reason: "CONTEXT_CANCELLED" });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The error of a context whose deadline has passed (text as Go's). */
export function deadlineExceeded(): StatusError {
  return new StatusError(Code.DEADLINE_EXCEEDED, "context deadline exceeded", {
    reason: "DEADLINE_EXCEEDED",
  });
}

function derive(
  parent: Context,
  deadlineMs: number | undefined,
  follow: readonly AbortSignal[],
): CancellableContext {
  const controller = new AbortController();
  allowManyListeners(controller.signal);
  let timer: Timer | undefined;
  const unfollow: (() => void)[] = [];
  const cancel = (reason: unknown): void => {
    timer?.cancel();
    for (const stop of unfollow) stop();
    if (!controller.signal.aborted) controller.abort(reason);
  };
  for (const signal of follow) {
    if (signal.aborted) cancel(signal.reason);
    else if (signal !== neverAborted && !controller.signal.aborted)
      unfollow.push(onAbort(signal, () => cancel(signal.reason)));
  }
  if (deadlineMs !== undefined && !controller.signal.aborted) {
    timer = parent.clock.setTimeout(() => cancel(deadlineExceeded()), deadlineMs - parent.clock.now(), true);
  }
  const ctx = (parent as ContextImpl).withLifetime({ signal: controller.signal, deadlineMs });
  return { ctx, cancel: (reason = contextCancelled()) => cancel(reason) };
}

/** A child that can be cancelled alone. */
export function withCancel(parent: Context): CancellableContext {
  return derive(parent, parent.deadlineMs, [parent.signal]);
}

/** A child that ends `timeoutMs` milliseconds from now, or with its parent. */
export function withTimeout(parent: Context, timeoutMs: number): CancellableContext {
  const deadlineMs = Math.min(parent.clock.now() + timeoutMs, parent.deadlineMs ?? Number.POSITIVE_INFINITY);
  return derive(parent, deadlineMs, [parent.signal]);
}

/** A child that also ends when `signal` is aborted. */
export function withSignal(parent: Context, signal: AbortSignal): CancellableContext {
  return derive(parent, parent.deadlineMs, [parent.signal, signal]);
}

/** Lifetime of the first, everything else of the second. Upstream: `extend.WithValuesFromContext`. */
export function withValuesOf(lifetime: Context, values: Context): Context {
  return (values as ContextImpl).withLifetime(lifetime);
}

/** Values of `ctx` with no deadline and a lifetime that only `signal` ends (default: nothing). */
export function detached(ctx: Context, signal: AbortSignal = neverAborted): Context {
  return (ctx as ContextImpl).withLifetime({ signal, deadlineMs: undefined });
}

/**
 * Captures how long `ctx` may still take, for work that must run after it ended (clean-up after a failed
 * request, events fired by begin). Upstream: `postpone.Context`.
 * @returns makes a fresh context with that whole time (no deadline when `ctx` had none), detached from the
 * lifetime of `ctx`; it carries the values of the given context, default those of `ctx`
 */
export function postpone(ctx: Context): (values?: Context) => CancellableContext {
  const restMs = remainingMs(ctx);
  return (values = ctx) => {
    const parent = detached(values);
    return restMs === undefined ? withCancel(parent) : withTimeout(parent, restMs);
  };
}

/** Milliseconds until the deadline (may be negative); undefined without a deadline. */
export function remainingMs(ctx: Context): number | undefined {
  return ctx.deadlineMs === undefined ? undefined : ctx.deadlineMs - ctx.clock.now();
}

/**
 * Waits on the context's clock.
 * @throws CANCELLED or DEADLINE_EXCEEDED when the context ends first
 */
export function sleep(ctx: Context, delayMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    if (ctx.signal.aborted) return reject(ctx.signal.reason);
    const timer = ctx.clock.setTimeout(() => {
      unfollow();
      resolve();
    }, delayMs);
    const unfollow = onAbort(ctx.signal, () => {
      timer.cancel();
      reject(ctx.signal.reason);
    });
  });
}

/**
 * The outcome of `work`, or the end of the context, whichever is first; `work` itself goes on.
 * @throws what `work` throws; CANCELLED or DEADLINE_EXCEEDED when the context ends first
 */
export function untilDone<T>(ctx: Context, work: Promise<T>): Promise<T> {
  if (ctx.signal.aborted) {
    work.catch(() => {});
    return Promise.reject(ctx.signal.reason);
  }
  return new Promise((resolve, reject) => {
    const unfollow = onAbort(ctx.signal, () => reject(ctx.signal.reason));
    work.then(
      (value) => {
        unfollow();
        resolve(value);
      },
      (error) => {
        unfollow();
        reject(error);
      },
    );
  });
}
