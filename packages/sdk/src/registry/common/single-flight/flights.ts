// SPDX-License-Identifier: Apache-2.0
import { type Context, contextCancelled, detached, onAbort, untilDone } from "@nsm/core";

interface Flight<R> {
  readonly result: Promise<R>;
  readonly controller: AbortController;
  /** Starts the work; once. */
  readonly begin: () => void;
  members: number;
}

/** Whoever comes later does not wait for what takes longer. */
const PATIENCE_MS = 1000;

/**
 * Work of one kind that many want at once: one piece runs at a time, and all who come while it runs share the next
 * one, so that nobody gets a result that was begun before he asked. What takes longer than 1 s holds nobody else up.
 */
export class Flights<R> {
  readonly #lifetime: Context;
  readonly #onIdle: () => void;
  #running: Flight<R> | undefined;
  #next: Flight<R> | undefined;

  /**
   * @param lifetime ends what runs
   * @param onIdle nobody waits for the start of anything any more
   */
  constructor(lifetime: Context, onIdle: () => void) {
    this.#lifetime = lifetime;
    this.#onIdle = onIdle;
  }

  /**
   * The result of `work`, or of the same work of another caller. It ends early when all who wait for it have left.
   * @param ctx of the caller: bounds its waiting; the work gets its values, when it runs for this caller first
   * @throws what the work throws; the reason of the context or of the lifetime
   */
  async join(ctx: Context, work: (ctx: Context) => Promise<R>): Promise<R> {
    this.#lifetime.signal.throwIfAborted();
    const flight = this.#running === undefined ? this.#start(this.#make(ctx, work)) : this.#queue(ctx, work);
    flight.members += 1;
    try {
      return await untilDone(ctx, flight.result);
    } finally {
      flight.members -= 1;
      if (flight.members === 0) {
        flight.controller.abort(contextCancelled());
        if (this.#next === flight) this.#next = undefined;
      }
    }
  }

  #queue(ctx: Context, work: (ctx: Context) => Promise<R>): Flight<R> {
    this.#next ??= this.#make(ctx, work);
    return this.#next;
  }

  #make(ctx: Context, work: (ctx: Context) => Promise<R>): Flight<R> {
    const controller = new AbortController();
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { signal } = this.#lifetime;
    const unfollow = onAbort(signal, () => controller.abort(signal.reason));
    const flightCtx = detached(ctx, controller.signal);
    const result = untilDone(
      flightCtx,
      begun.then(() => work(flightCtx)),
    ).finally(unfollow);
    result.catch(() => {}); // those who wait for it are told
    return { result, controller, begin, members: 0 };
  }

  #start(flight: Flight<R>): Flight<R> {
    this.#running = flight;
    const goOn = (): void => {
      late.cancel();
      if (this.#running !== flight) return;
      this.#running = undefined;
      const next = this.#next;
      this.#next = undefined;
      if (next === undefined) this.#onIdle();
      else this.#start(next);
    };
    const late = this.#lifetime.clock.setTimeout(goOn, PATIENCE_MS, true);
    flight.result.then(goOn, goOn);
    flight.begin();
    return flight;
  }
}
