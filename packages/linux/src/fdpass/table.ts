// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import type { AcceptedDescriptor, RefusedDescriptor } from "./accept.js";
import { FdPassError } from "./errors.js";
import type { Counters } from "./statistics.js";

/** The few functions of a clock that this module needs; `Clock` of `@nsm/core` satisfies it. */
export interface Timers {
  /** Milliseconds, from any origin. */
  now(): number;
  /** Calls `callback` once; a `background` timer does not keep the process alive. */
  setTimeout(callback: () => void, delayMs: number, background?: boolean): { cancel(): void };
}

/** Names an open file: `st_dev` and `st_ino` as fstat(2) reports them; `inode://<dev>/<ino>` on the wire. */
export interface InodeKey {
  readonly dev: bigint | number;
  readonly ino: bigint | number;
}

/** A descriptor that came from the peer; whoever claimed it has to close it. */
export interface ReceivedFd {
  /** Closed on exec. A network namespace that can be entered, or a socket file (`O_PATH`). */
  readonly fd: number;
  readonly dev: bigint;
  readonly ino: bigint;
  /** `/proc/<own pid>/fd/<fd>`; of a socket file it can be dialled. */
  readonly path: string;
  /** Closes the descriptor; later calls do nothing. */
  close(): void;
}

/** Bounds of what a peer may send without anybody asking for it. */
export interface TableLimits {
  /** Unclaimed descriptors that may stay. */
  readonly maxUnclaimed: number;
  /** Unclaimed descriptors that may be there for a moment, and descriptors of refused kinds in all. */
  readonly maxBurst: number;
  /** How long more than `maxUnclaimed` may be there. */
  readonly burstMs: number;
  /** How long an unclaimed descriptor is kept. */
  readonly maxAgeMs: number;
}

interface Arrival extends AcceptedDescriptor {
  readonly key: string;
  readonly atMs: number;
}

interface Waiter {
  deliver(arrival: AcceptedDescriptor): void;
  fail(error: FdPassError): void;
}

/** `inode://<dev>/<ino>`, decimal, as Network Service Mesh writes it. */
export const inodeUrl = ({ dev, ino }: InodeKey): string => `inode://${dev}/${ino}`;

/**
 * Descriptors of one connection that arrived and were not claimed, and claims that wait for one. Every arrival
 * counts for itself, also when several are the same file: a peer sends once per call, and calls on a shared
 * connection overlap. Per inode the first claim gets the first arrival.
 */
export class DescriptorTable {
  readonly #arrivals = new Map<string, Arrival[]>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** All unclaimed ones, the oldest first. */
  readonly #byAge = new Set<Arrival>();
  #ageTimer: { cancel(): void } | undefined;
  #burstTimer: { cancel(): void } | undefined;
  #closed: FdPassError | undefined;
  /** What was refused and nobody has asked for; the flood limit bounds it. */
  readonly #refused = new Set<string>();
  #refusals = 0;

  /**
   * @param onFlood called at most once per excess, with the reason to cut the connection
   */
  constructor(
    private readonly timers: Timers,
    private readonly limits: TableLimits,
    private readonly counters: Counters,
    private readonly onFlood: (reason: FdPassError) => void,
  ) {}

  /** Number of unclaimed descriptors. */
  get unclaimed(): number {
    return this.#byAge.size;
  }

  /** Takes over an arrived descriptor, or notes that one was refused and fails the claims for it. */
  add(accepted: AcceptedDescriptor | RefusedDescriptor): void {
    if ("refused" in accepted) {
      this.#refuse(accepted);
      return;
    }
    if (this.#closed !== undefined) {
      closeSync(accepted.fd);
      return;
    }
    const key = inodeUrl(accepted);
    const waiter = this.#waiters.get(key)?.values().next().value;
    if (waiter !== undefined) {
      waiter.deliver(accepted);
      return;
    }
    const arrival: Arrival = { ...accepted, key, atMs: this.timers.now() };
    const same = this.#arrivals.get(key);
    if (same === undefined) this.#arrivals.set(key, [arrival]);
    else same.push(arrival);
    this.#byAge.add(arrival);
    this.counters.unclaimed++;
    this.#watchAge();
    this.#watchBurst();
  }

  /** See `FdDuplex.claim`. */
  claim(inode: InodeKey, signal: AbortSignal | undefined, waitMs: number): Promise<ReceivedFd> {
    const key = inodeUrl(inode);
    if (signal?.aborted) return Promise.reject(aborted(key, signal));
    const [arrival] = this.#arrivals.get(key) ?? [];
    if (arrival !== undefined) {
      this.#forget(arrival);
      return Promise.resolve(this.#handOver(arrival));
    }
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#refused.delete(key)) return Promise.reject(useless(key));
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(key) ?? new Set<Waiter>();
      this.#waiters.set(key, waiters);
      const settle = (): void => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiters.delete(key);
      };
      const waiter: Waiter = {
        deliver: (accepted) => {
          settle();
          resolve(this.#handOver(accepted));
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const onAbort = (): void => waiter.fail(aborted(key, signal));
      const timer = this.timers.setTimeout(() => waiter.fail(notReceived(key, waitMs)), waitMs);
      signal?.addEventListener("abort", onAbort);
      waiters.add(waiter);
    });
  }

  /** Closes what is unclaimed and fails the claims that wait, and all later ones. */
  close(reason: FdPassError): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    for (const arrival of [...this.#byAge]) this.#drop(arrival);
    for (const waiters of [...this.#waiters.values()]) for (const waiter of [...waiters]) waiter.fail(reason);
    this.#ageTimer?.cancel();
    this.#burstTimer?.cancel();
  }

  #refuse({ refused }: RefusedDescriptor): void {
    if (refused !== undefined) {
      const key = inodeUrl(refused);
      const waiters = [...(this.#waiters.get(key) ?? [])];
      for (const waiter of waiters) waiter.fail(useless(key));
      if (waiters.length === 0) this.#refused.add(key);
    }
    if (++this.#refusals === this.limits.maxBurst) this.#flood("useless");
  }

  #handOver({ fd, dev, ino }: AcceptedDescriptor): ReceivedFd {
    const { counters } = this;
    counters.claimed++;
    let open = true;
    return {
      fd,
      dev,
      ino,
      path: `/proc/${process.pid}/fd/${fd}`,
      close: () => {
        if (!open) return;
        open = false;
        counters.claimed--;
        closeSync(fd);
      },
    };
  }

  #forget(arrival: Arrival): void {
    this.#byAge.delete(arrival);
    this.counters.unclaimed--;
    const rest = (this.#arrivals.get(arrival.key) ?? []).filter((other) => other !== arrival);
    if (rest.length === 0) this.#arrivals.delete(arrival.key);
    else this.#arrivals.set(arrival.key, rest);
  }

  #drop(arrival: Arrival): void {
    this.#forget(arrival);
    closeSync(arrival.fd);
  }

  #watchAge(): void {
    const [oldest] = this.#byAge;
    if (this.#ageTimer !== undefined || oldest === undefined) return;
    const { maxAgeMs } = this.limits;
    // A clock that was set back must not keep them
    const restMs = Math.min(maxAgeMs, Math.max(0, maxAgeMs - this.#ageMs(oldest)));
    this.#ageTimer = this.timers.setTimeout(
      () => {
        this.#ageTimer = undefined;
        for (const arrival of this.#byAge) {
          const ageMs = this.#ageMs(arrival);
          if (ageMs >= 0 && ageMs < maxAgeMs) break;
          this.#drop(arrival);
        }
        this.#watchAge();
      },
      restMs,
      true,
    );
  }

  /** Negative when the clock was set back since. */
  #ageMs({ atMs }: Arrival): number {
    return this.timers.now() - atMs;
  }

  #watchBurst(): void {
    if (this.#byAge.size > this.limits.maxBurst) this.#flood("unasked");
    else if (this.#byAge.size > this.limits.maxUnclaimed && this.#burstTimer === undefined) {
      this.#burstTimer = this.timers.setTimeout(
        () => {
          this.#burstTimer = undefined;
          if (this.#byAge.size > this.limits.maxUnclaimed) this.#flood("unasked");
        },
        this.limits.burstMs,
        true,
      );
    }
  }

  #flood(kind: "unasked" | "useless"): void {
    if (this.#closed !== undefined) return;
    this.onFlood(
      new FdPassError("FD_FLOOD", `connection cut: the peer sent too many ${kind} file descriptors`),
    );
  }
}

const aborted = (key: string, signal: AbortSignal | undefined): FdPassError =>
  new FdPassError("FD_ABORTED", `waiting for the file descriptor of ${key} was given up`, {
    cause: signal?.reason,
  });

const useless = (key: string): FdPassError =>
  new FdPassError(
    "FD_NOT_RECEIVED",
    `the peer sent a file descriptor of ${key}, which is neither a network namespace nor a socket file`,
  );

const notReceived = (key: string, waitMs: number): FdPassError =>
  new FdPassError(
    "FD_NOT_RECEIVED",
    `the peer announced ${key} but no file descriptor of it arrived within ${waitMs} ms`,
  );
