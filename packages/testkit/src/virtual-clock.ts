// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from "@nsm/core";

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Macrotasks that {@link VirtualClock.settle} lets pass: enough for a call through a long chain of promises. */
const SETTLE_ROUNDS = 8;

/** A clock that stands still until told to advance. Timers fire in the order of their time, then of their making. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  /** @param startMs milliseconds since the epoch; default 2026-01-01T00:00:00Z */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  /** Timers that have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** When the next timer fires, or undefined when none is armed. */
  get nextDueMs(): number | undefined {
    return this.#next(Number.POSITIVE_INFINITY)?.dueMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const pending: Pending = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Moves time on by `ms`, firing what falls due on the way and letting promises settle around each timer. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.settle();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#pending.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      await this.settle();
    }
    this.#nowMs = endMs;
  }

  /** Lets promises settle without moving time. */
  async settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Advances timer by timer until `work` settles: what a caller sees who just waits. Fails when no timer is left. */
  async waitFor<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    work.then(done, done);
    await this.settle();
    while (!settled) {
      const dueMs = this.nextDueMs;
      if (dueMs === undefined) {
        await this.settle();
        if (settled) break;
        throw new Error("waiting for ever: nothing is in flight and no timer is armed");
      }
      await this.advance(dueMs - this.#nowMs);
    }
    return await work;
  }

  #next(untilMs: number): Pending | undefined {
    let next: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.dueMs > untilMs) continue;
      if (
        !next ||
        pending.dueMs < next.dueMs ||
        (pending.dueMs === next.dueMs && pending.order < next.order)
      ) {
        next = pending;
      }
    }
    return next;
  }
}
