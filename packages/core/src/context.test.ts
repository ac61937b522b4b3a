// SPDX-License-Identifier: Apache-2.0
import {
  type Context,
  contextCancelled,
  contextKey,
  detached,
  postpone,
  remainingMs,
  rootContext,
  sleep,
  untilDone,
  withCancel,
  withSignal,
  withTimeout,
  withValuesOf,
} from "./context.js";
import { Code, StatusError } from "./errors.js";
import { type Logger, silentLogger } from "./logger.js";
import { handContext } from "./test-support/hand-clock.js";

const cancelled = { code: Code.CANCELLED, message: "context canceled", reason: "CONTEXT_CANCELLED" };
const late = {
  code: Code.DEADLINE_EXCEEDED,
  message: "context deadline exceeded",
  reason: "DEADLINE_EXCEEDED",
};
const colour = contextKey<string>("colour");
const size = contextKey<number>("size");

describe("values of a context", () => {
  it("are seen by the child and its children, not by the parent", () => {
    const { ctx } = handContext();
    const child = ctx.with(colour, "red").with(size, 3);
    expect([child.get(colour), child.get(size)]).toEqual(["red", 3]);
    expect([ctx.get(colour), ctx.get(size)]).toEqual([undefined, undefined]);
  });

  it("are hidden by a later value of the same key", () => {
    const red = handContext().ctx.with(colour, "red");
    expect([red.with(colour, "blue").get(colour), red.get(colour)]).toEqual(["blue", "red"]);
  });

  it("belong to the key, not to its name", () => {
    const ctx = handContext().ctx.with(colour, "red");
    expect(ctx.get(contextKey<string>("colour"))).toBeUndefined();
  });

  it("stay with the child when only its lifetime changes", () => {
    const ctx = handContext().ctx.with(colour, "red");
    expect(withTimeout(withCancel(ctx).ctx, 10).ctx.get(colour)).toBe("red");
  });

  it("come from the second, lifetime from the first, of withValuesOf", () => {
    const { ctx } = handContext();
    const short = withTimeout(ctx.with(colour, "red"), 10);
    const joined = withValuesOf(short.ctx, ctx.with(size, 3));
    expect([joined.get(colour), joined.get(size)]).toEqual([undefined, 3]);
    expect(joined.deadlineMs).toBe(short.ctx.deadlineMs);
    short.cancel();
    expect(joined.signal.aborted).toBe(true);
  });

  it("give the log more fields with withLog", () => {
    const fields: object[] = [];
    const child = (more: object): Logger => {
      fields.push(more);
      return log;
    };
    const log: Logger = { ...silentLogger, child };
    const ctx = rootContext({ clock: handContext().clock, log }).with(colour, "red");
    expect(ctx.withLog({ id: "1" }).get(colour)).toBe("red");
    expect(fields).toEqual([{ id: "1" }]);
  });
});

describe("cancellation", () => {
  it("ends a context and its children, not its parent", () => {
    const { ctx } = handContext();
    const outer = withCancel(ctx);
    const inner = withCancel(outer.ctx);
    outer.cancel();
    expect([inner.ctx, outer.ctx].map(({ signal }) => signal.reason)).toMatchObject([cancelled, cancelled]);
    expect(ctx.signal.aborted).toBe(false);
  });

  it("keeps its first reason", () => {
    const { ctx, cancel } = withCancel(handContext().ctx);
    cancel(new StatusError(Code.UNAVAILABLE, "gone"));
    cancel();
    expect(ctx.signal.reason).toMatchObject({ code: Code.UNAVAILABLE, message: "gone" });
  });

  it("is there from the start in a child of what has ended", () => {
    const { ctx, cancel } = withCancel(handContext().ctx);
    cancel();
    expect(withTimeout(ctx, 1000).ctx.signal.reason).toMatchObject(cancelled);
  });

  it("comes from either signal of withSignal", () => {
    const { ctx } = handContext();
    const [own, other] = [withCancel(ctx), new AbortController()];
    const both = withSignal(own.ctx, other.signal);
    other.abort(contextCancelled());
    expect([both.ctx.signal.aborted, own.ctx.signal.aborted]).toEqual([true, false]);
    const again = withSignal(own.ctx, new AbortController().signal);
    own.cancel();
    expect(again.ctx.signal.reason).toMatchObject(cancelled);
  });

  it("of a process reaches a root context", () => {
    const process = new AbortController();
    const { ctx } = handContext(process.signal);
    process.abort(contextCancelled());
    expect(withCancel(ctx).ctx.signal.aborted).toBe(true);
  });
});

describe("a deadline", () => {
  it("ends the context when its time has come, not before", () => {
    const { ctx, advance, clock } = handContext();
    const limited = withTimeout(ctx, 100).ctx;
    expect([limited.deadlineMs, remainingMs(limited)]).toEqual([clock.now() + 100, 100]);
    advance(99);
    expect([limited.signal.aborted, remainingMs(limited)]).toEqual([false, 1]);
    advance(1);
    expect(limited.signal.reason).toMatchObject(late);
  });

  it("is never later than the parent's", () => {
    const { ctx } = handContext();
    const parent = withTimeout(ctx, 100).ctx;
    expect(withTimeout(parent, 1000).ctx.deadlineMs).toBe(parent.deadlineMs);
    expect(remainingMs(withTimeout(parent, 10).ctx)).toBe(10);
    expect(withCancel(parent).ctx.deadlineMs).toBe(parent.deadlineMs);
  });

  it("is absent from a root context", () => {
    expect(remainingMs(handContext().ctx)).toBeUndefined();
  });

  it("leaves no timer when the context is cancelled first", () => {
    const { ctx, timers } = handContext();
    const { cancel } = withTimeout(ctx, 100);
    expect(timers()).toBe(1);
    cancel();
    expect(timers()).toBe(0);
  });
});

describe("postpone", () => {
  it("gives the whole remaining time once more, after the end of the call", () => {
    const { ctx, advance } = handContext();
    const call = withTimeout(ctx.with(colour, "red"), 100);
    advance(40);
    const later = postpone(call.ctx);
    advance(60);
    call.cancel();
    const cleaning = later();
    expect([cleaning.ctx.signal.aborted, remainingMs(cleaning.ctx)]).toEqual([false, 60]);
    expect(cleaning.ctx.get(colour)).toBe("red");
    advance(60);
    expect(cleaning.ctx.signal.reason).toMatchObject(late);
  });

  it("gives no deadline to work of a call without one, and takes values from elsewhere", () => {
    const { ctx, timers } = handContext();
    const { ctx: cleaning, cancel } = postpone(ctx)(ctx.with(size, 4));
    expect([cleaning.deadlineMs, cleaning.get(size), timers()]).toEqual([undefined, 4, 0]);
    cancel();
    expect(cleaning.signal.aborted).toBe(true);
  });
});

describe("a detached context", () => {
  it("outlives its parent, without deadline, with its values", () => {
    const call = withTimeout(handContext().ctx.with(colour, "red"), 100);
    const free = detached(call.ctx);
    call.cancel();
    expect([free.signal.aborted, free.deadlineMs, free.get(colour)]).toEqual([false, undefined, "red"]);
  });

  it("ends with the signal it is given", () => {
    const chain = new AbortController();
    const free = detached(handContext().ctx, chain.signal);
    chain.abort(contextCancelled());
    expect(free.signal.aborted).toBe(true);
  });
});

/** What became of a promise so far. */
async function outcome(work: Promise<unknown>): Promise<unknown> {
  const settled = work.catch((error: unknown) => error);
  return await Promise.race([settled, new Promise((resolve) => setImmediate(() => resolve("waiting")))]);
}

describe("waiting", () => {
  it("takes the time asked for", async () => {
    const { ctx, advance } = handContext();
    const waiting = sleep(ctx, 50).then(() => "awake");
    advance(49);
    expect(await outcome(waiting)).toBe("waiting");
    advance(1);
    expect(await outcome(waiting)).toBe("awake");
  });

  it("ends with the context and leaves no timer", async () => {
    const { ctx, timers } = handContext();
    const call = withCancel(ctx);
    const waiting = sleep(call.ctx, 50);
    call.cancel();
    await expect(waiting).rejects.toMatchObject(cancelled);
    await expect(sleep(call.ctx, 50)).rejects.toMatchObject(cancelled);
    expect(timers()).toBe(0);
  });

  const forWork = (ctx: Context) => ({
    value: untilDone(ctx, Promise.resolve(7)),
    failure: untilDone(ctx, Promise.reject(new StatusError(Code.NOT_FOUND, "nothing"))),
    never: untilDone(ctx, new Promise<never>(() => {})),
  });

  it("for work gives its outcome, or the end of the context", async () => {
    const call = withCancel(handContext().ctx);
    const { value, failure, never } = forWork(call.ctx);
    await expect(value).resolves.toBe(7);
    await expect(failure).rejects.toMatchObject({ code: Code.NOT_FOUND, message: "nothing" });
    expect(await outcome(never)).toBe("waiting");
    call.cancel();
    await expect(never).rejects.toMatchObject(cancelled);
  });

  it("for work in a context that has ended fails, whatever the work does", async () => {
    const call = withCancel(handContext().ctx);
    call.cancel();
    const results = await Promise.allSettled(Object.values(forWork(call.ctx)));
    expect(results.map((result) => "reason" in result && result.reason)).toMatchObject([
      cancelled,
      cancelled,
      cancelled,
    ]);
  });
});
