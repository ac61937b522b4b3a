// SPDX-License-Identifier: Apache-2.0
import { type Context, contextCancelled, detached, onAbort, untilDone } from "@nsm/core";

interface Flight<R> {
  readonly result: Promise<R>;
  readonly controller: AbortController;
  /** Starts the work; once. */
  readonly begin: () => void;
  members: number;
}

/**
 * Work of one kind that many want at once: one piece runs at a time, and all who come while it runs share the next
 * one, so that nobody gets a result that was begun before he asked.
 */
export class Flights<R> {
  readonly #lifetime: AbortSignal;
  readonly #onIdle: () => void;
  #running: Flight<R> | undefined;
  #next: Flight<R> | undefined;

  /**
   * @param lifetime ends what runs
   * @param onIdle nothing runs any more and nobody waits
   */
  constructor(lifetime: AbortSignal, onIdle: () => void) {
    this.#lifetime = lifetime;
    this.#onIdle = onIdle;
  }

  /**
   * The result of `work`, or of the same work of another caller. It ends early when all who wait for it have left.
   * @param ctx of the caller: bounds its waiting; the work gets its values, when it runs for this caller first
   * @throws what the work throws; the reason of the context or of the lifetime
   */
  async join(ctx: Context, work: (ctx: Context) => Promise<R>): Promise<R> {
    this.#lifetime.throwIfAborted();
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
    const unfollow = onAbort(this.#lifetime, () => controller.abort(this.#lifetime.reason));
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
    const after = (): void => {
      this.#running = undefined;
      const next = this.#next;
      this.#next = undefined;
      if (next === undefined) this.#onIdle();
      else this.#start(next);
    };
    flight.result.then(after, after);
    flight.begin();
    return flight;
  }
}
