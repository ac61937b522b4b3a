// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { openPidfd } from "../process/pidfd.js";
import { type ReadableWatch, watchReadable } from "../process/readable.js";
import { hasCode } from "../syscall/index.js";
import type { RunningTimer, TimerFunctions } from "../timers.js";
import { netnsOf, processesByNetns } from "./processes.js";

/** How {@link watchNamespaces} works. */
export interface NamespacesOptions {
  readonly timers: TimerFunctions;
  /** Most namespaces watched at a time, one descriptor each; further ones are not. Default: 4096. */
  readonly most?: number;
  /**
   * How long new namespaces are collected before /proc is walked for their processes, milliseconds. Default: 250.
   * A process that ends before is not missed by those who follow its links.
   */
  readonly firstLookMs?: number;
}

/** Watches over the processes of network namespaces. */
export interface NamespacesWatch {
  /**
   * Calls `onEnded` once when the last process of a namespace has ended, of those that can be seen. A namespace in
   * which none is seen at first is not watched: what keeps it alive is something else.
   * @param ino inode number of the namespace, from `NetnsId`
   * @returns ends it
   */
  follow(ino: bigint, onEnded: () => void): { close(): void };
  /** Namespaces followed, and how many of them have a process that is waited for. */
  statistics(): { namespaces: number; processes: number };
  /** Ends all. */
  close(): void;
}

interface Followed {
  readonly ino: bigint;
  readonly followers: Set<() => void>;
  /** Some process was seen in it. */
  inhabited: boolean;
  waiting: { readonly fd: number; readonly watch: ReadableWatch } | undefined;
}

const MOST = 4096;
const FIRST_LOOK_MS = 250;
/** Walks take at most this share of the time: the pause after one is that many times its length. */
const PAUSE_PER_WALK = 5;
const SHORTEST_PAUSE_MS = 10;

/**
 * Follows network namespaces by their processes, since a namespace itself tells nobody of its end while something
 * holds it: one pidfd per namespace, of its oldest process; when that ends, /proc is walked for another. Holds no
 * namespace. Walks are shared by all namespaces that wait for one.
 */
export function watchNamespaces(options: NamespacesOptions): NamespacesWatch {
  return new Namespaces(options);
}

class Namespaces implements NamespacesWatch {
  readonly #options: NamespacesOptions;
  readonly #followed = new Map<bigint, Followed>();
  /** Namespaces that need a process to wait for. */
  readonly #searched = new Set<Followed>();
  #next: { readonly dueMs: number; readonly timer: RunningTimer } | undefined;
  #notBeforeMs = 0;
  #walking = false;
  #open = true;

  constructor(options: NamespacesOptions) {
    this.#options = options;
  }

  follow(ino: bigint, onEnded: () => void): { close(): void } {
    const known = this.#followed.get(ino);
    if (!this.#open || (known === undefined && this.#followed.size >= (this.#options.most ?? MOST)))
      return { close: () => {} };
    const followed = known ?? { ino, followers: new Set(), inhabited: false, waiting: undefined };
    const follower = (): void => onEnded(); // one function may follow twice
    followed.followers.add(follower);
    if (known === undefined) {
      this.#followed.set(ino, followed);
      this.#searched.add(followed);
      this.#walkAfter(
        Math.max(this.#options.firstLookMs ?? FIRST_LOOK_MS, this.#notBeforeMs - performance.now()),
      );
    }
    return {
      close: () => {
        if (followed.followers.delete(follower) && followed.followers.size === 0) this.#forget(followed);
      },
    };
  }

  statistics(): { namespaces: number; processes: number } {
    const processes = [...this.#followed.values()].filter(({ waiting }) => waiting !== undefined).length;
    return { namespaces: this.#followed.size, processes };
  }

  close(): void {
    this.#open = false;
    this.#next?.timer.cancel();
    for (const followed of [...this.#followed.values()]) this.#forget(followed);
  }

  #forget(followed: Followed): void {
    if (this.#followed.get(followed.ino) === followed) this.#followed.delete(followed.ino);
    this.#searched.delete(followed);
    this.#stopWaiting(followed);
  }

  #stopWaiting(followed: Followed): void {
    followed.waiting?.watch.close();
    if (followed.waiting !== undefined) closeSync(followed.waiting.fd);
    followed.waiting = undefined;
  }

  /** The next walk comes after that time, or sooner if one is due anyway. */
  #walkAfter(delayMs: number): void {
    if (this.#walking || !this.#open) return;
    const dueMs = performance.now() + delayMs;
    if (this.#next !== undefined && this.#next.dueMs <= dueMs) return;
    this.#next?.timer.cancel();
    const timer = this.#options.timers.setTimeout(() => {
      this.#next = undefined;
      void this.#walk();
    }, delayMs);
    timer.unref?.();
    this.#next = { dueMs, timer };
  }

  /** One walk through /proc for all that are searched now. */
  async #walk(): Promise<void> {
    this.#walking = true;
    const startMs = performance.now();
    const searched = [...this.#searched];
    this.#searched.clear();
    try {
      const found = await processesByNetns(new Set(searched.map(({ ino }) => ino)));
      for (const followed of searched) await this.#settle(followed, found.get(followed.ino) ?? []);
    } catch {
      // No descriptor left: whoever is still without a process is searched again
      for (const followed of searched) if (followed.waiting === undefined) this.#searched.add(followed);
    }
    this.#walking = false;
    this.#notBeforeMs =
      performance.now() + Math.max(SHORTEST_PAUSE_MS, (performance.now() - startMs) * PAUSE_PER_WALK);
    if (this.#searched.size > 0) this.#walkSoon();
  }

  #walkSoon(): void {
    this.#walkAfter(Math.max(0, this.#notBeforeMs - performance.now()));
  }

  async #settle(followed: Followed, pids: readonly number[]): Promise<void> {
    for (const pid of pids) {
      if (!this.#isFollowed(followed)) return;
      if (await this.#waitFor(followed, pid)) return;
    }
    if (!this.#isFollowed(followed) || followed.waiting !== undefined) return;
    if (pids.length > 0) {
      this.#searched.add(followed); // all of them ended meanwhile; there may be others
    } else if (followed.inhabited) {
      const followers = [...followed.followers];
      this.#forget(followed);
      for (const onEnded of followers) onEnded();
    }
  }

  /** @returns false when the process has ended already, or is another one's by now */
  async #waitFor(followed: Followed, pid: number): Promise<boolean> {
    let fd: number;
    try {
      fd = openPidfd(pid);
    } catch (error) {
      if (hasCode(error, "ESRCH")) return false;
      throw error;
    }
    // The number may have been given away again between walk and opening; now it cannot any more
    const isThere = (await netnsOf(pid)) === followed.ino;
    if (!isThere || !this.#isFollowed(followed)) {
      closeSync(fd);
      return !this.#isFollowed(followed);
    }
    followed.inhabited = true;
    const watch = watchReadable(fd, this.#options.timers, () => {
      this.#stopWaiting(followed);
      this.#searched.add(followed);
      this.#walkSoon();
    });
    followed.waiting = { fd, watch };
    return true;
  }

  #isFollowed(followed: Followed): boolean {
    return this.#open && this.#followed.get(followed.ino) === followed;
  }
}
