// SPDX-License-Identifier: Apache-2.0
import { closeSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EPOLLIN,
  epollCreate,
  epollEventLayout,
  epollRemove,
  epollSet,
  eventfd,
  koffiPath,
} from "./bindings.js";
import { controlWord, type PollerThreadData, pollerSource } from "./poller-source.js";

/** A connection as the poller sees it. */
export interface Pollable {
  /** Its descriptor; stays open until after {@link Poller.remove}. */
  readonly fd: number;
  /** Reports epoll events; the connection has to be armed again. */
  ready(events: number): void;
  /** Readiness can no longer be had. */
  pollerFailed(error: Error): void;
}

interface Entry {
  readonly pollable: Pollable;
  /** Events waited for; 0 after a report. */
  armed: number;
}

const MAX_FAILED_STARTS = 3;

/**
 * Readiness of many descriptors from one thread that blocks in epoll_wait(2): Node offers no way to watch a
 * descriptor of one's own, and waiting through koffi's asynchronous calls would hold a libuv thread per connection.
 *
 * The thread starts with the first connection, is started anew on the same epoll descriptor when it dies, and ends
 * some seconds after the last connection. It keeps the process alive only while {@link ref} was called more often
 * than {@link unref}. The descriptors of the poller itself are closed when the thread has ended.
 */
export class Poller {
  readonly #entries = new Map<number, Entry>();
  readonly #control = new Int32Array(new SharedArrayBuffer(8));
  #descriptors: { readonly epoll: number; readonly wake: number } | undefined;
  #worker: Worker | undefined;
  #nextId = 1;
  #references = 0;
  #failedStarts = 0;

  /**
   * @param waitMs longest single wait of the thread, default 1000: an end of the process that runs no exit hook, and
   *   `Worker.terminate`, take at most this long; the thread ends ten such waits after the last connection
   */
  constructor(private readonly waitMs = 1000) {}

  /** Number of connections watched. */
  get size(): number {
    return this.#entries.size;
  }

  /** The thread, or undefined while there is none. */
  get worker(): Worker | undefined {
    return this.#worker;
  }

  /** Watches a connection, reporting nothing until {@link arm}; returns its id, an unsigned 32 bit number. */
  add(pollable: Pollable): number {
    const { epoll } = this.#open();
    const id = this.#freeId();
    epollSet(epoll, EPOLL_CTL_ADD, pollable.fd, 0, id);
    // An entry added with no events still reports a hang-up once; that counts as armed.
    this.#entries.set(id, { pollable, armed: 0 });
    this.#countConnections();
    if (this.#worker === undefined) this.#start();
    return id;
  }

  /** Asks for one report of any of the events; hang-up and error are always included. */
  arm(id: number, events: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || this.#descriptors === undefined || entry.armed === events) return;
    epollSet(this.#descriptors.epoll, EPOLL_CTL_MOD, entry.pollable.fd, events, id);
    entry.armed = events;
  }

  /** Stops watching; call before the descriptor is closed. */
  remove(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#countConnections();
    if (this.#descriptors !== undefined) epollRemove(this.#descriptors.epoll, entry.pollable.fd);
  }

  /** Counts one reason more for the process to stay alive. */
  ref(): void {
    if (this.#references++ === 0) this.#worker?.ref();
  }

  /** Takes back one {@link ref}. */
  unref(): void {
    if (--this.#references === 0) this.#worker?.unref();
  }

  #freeId(): number {
    do {
      this.#nextId = (this.#nextId + 1) >>> 0;
    } while (this.#nextId === 0 || this.#entries.has(this.#nextId));
    return this.#nextId;
  }

  #countConnections(): void {
    Atomics.store(this.#control, controlWord.connections, this.#entries.size);
  }

  #open(): { readonly epoll: number; readonly wake: number } {
    if (this.#descriptors === undefined) {
      const epoll = epollCreate();
      const wake = eventfd();
      // Written once, at the end of the process, and never read: the thread must not sleep again.
      epollSet(epoll, EPOLL_CTL_ADD, wake, EPOLLIN, 0, true);
      this.#descriptors = { epoll, wake };
      process.on("exit", this.#stop);
    }
    return this.#descriptors;
  }

  readonly #stop = (): void => {
    Atomics.store(this.#control, controlWord.stop, 1);
    if (this.#descriptors !== undefined) writeSync(this.#descriptors.wake, new BigUint64Array([1n]));
  };

  #start(): void {
    const workerData: PollerThreadData = {
      koffi: koffiPath(),
      epoll: this.#open().epoll,
      control: this.#control,
      eventBytes: epollEventLayout.size,
      dataOffset: epollEventLayout.dataOffset,
      waitMs: this.waitMs,
    };
    // No loaders and preloads of the main program: this thread runs the text above and nothing else.
    const worker = new Worker(pollerSource, {
      eval: true,
      workerData,
      execArgv: [],
      name: "fdpass-poller",
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    });
    this.#worker = worker;
    let failure: Error | undefined;
    worker.on("error", (error: Error) => {
      failure = error;
    });
    worker.on("message", (ready: readonly number[]) => this.#report(ready));
    worker.on("exit", () => this.#ended(failure));
    if (this.#references === 0) worker.unref();
  }

  #report(ready: readonly number[]): void {
    if (ready.length > 0) this.#failedStarts = 0;
    for (let i = 0; i + 1 < ready.length; i += 2) {
      const entry = this.#entries.get(ready[i] ?? 0);
      if (entry === undefined) continue;
      entry.armed = 0;
      entry.pollable.ready(ready[i + 1] ?? 0);
    }
  }

  #ended(failure: Error | undefined): void {
    this.#worker = undefined;
    const descriptors = this.#descriptors;
    if (descriptors === undefined || Atomics.load(this.#control, controlWord.stop) !== 0) return;
    if (this.#entries.size === 0) {
      this.#descriptors = undefined;
      process.off("exit", this.#stop);
      closeSync(descriptors.epoll);
      closeSync(descriptors.wake);
      return;
    }
    if (++this.#failedStarts > MAX_FAILED_STARTS) {
      this.#failedStarts = 0;
      const error = new Error("the thread that waits for readiness does not stay up", { cause: failure });
      for (const { pollable } of [...this.#entries.values()]) pollable.pollerFailed(error);
      return;
    }
    this.#start();
    // Reports that the dead thread had fetched and not delivered are lost; arming again repeats them.
    for (const [id, { pollable, armed }] of this.#entries) {
      if (armed !== 0) epollSet(descriptors.epoll, EPOLL_CTL_MOD, pollable.fd, armed, id);
    }
  }
}
