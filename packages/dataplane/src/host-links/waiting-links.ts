// SPDX-License-Identifier: Apache-2.0
import { type Context, SerialExecutor } from "@nsm/core";
import type { Link, RouteSocket } from "@nsm/linux";
import { ChainTimers } from "@nsm/sdk/networkservice/utils/timers";
import { deleteLink } from "./delete-link.js";
import { laterTry, type WaitingLink } from "./waiting-link.js";

/** What {@link WaitingLinks} needs. */
export interface WaitingLinksOptions {
  readonly route: RouteSocket;
  /** Whether a call works on the link of that name: then it stays. */
  readonly isHeld: (name: string) => boolean;
  /** Whether a link is one that may be removed, at that moment. */
  readonly mayRemove: (link: Link) => boolean;
  readonly onRemoved: (link: Link) => void;
}

/** Links by name that are removed when their time is over, and those removals. */
export class WaitingLinks {
  readonly #options: WaitingLinksOptions;
  readonly #waiting = new Map<string, WaitingLink>();
  /** Removals that the kernel is carrying out; they never fail. */
  readonly #removing = new Map<string, Promise<void>>();
  /** Removals are not urgent, and each keeps a thread of the pool busy: one after the other. */
  readonly #removals = new SerialExecutor();
  #serving: { readonly ctx: Context; readonly timers: ChainTimers } | undefined;
  #removed = 0;

  constructor(options: WaitingLinksOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Links removed since the start. */
  get removed(): number {
    return this.#removed;
  }

  /** From now on time passes. */
  serve(ctx: Context): void {
    this.#serving = { ctx, timers: new ChainTimers(ctx) };
  }

  get(name: string): WaitingLink | undefined {
    return this.#waiting.get(name);
  }

  entries(): Iterable<[string, WaitingLink]> {
    return this.#waiting;
  }

  /** A link waits; its time begins anew. */
  wait(name: string, waiting: WaitingLink): void {
    this.claim(name);
    this.#waiting.set(name, waiting);
    this.#arm(name, waiting);
  }

  /** The link's time stands still until it waits again or is claimed. */
  pause(name: string): void {
    this.#waiting.get(name)?.timer?.cancel();
  }

  /** The link waits no more. */
  claim(name: string): void {
    this.pause(name);
    this.#waiting.delete(name);
  }

  /** The end of a removal that has begun. */
  async settled(name: string): Promise<void> {
    await this.#removing.get(name);
  }

  /** Removes a waiting link now unless a call holds it. */
  async remove(name: string): Promise<void> {
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) await this.#removeUnlessHeld(name, waiting);
  }

  /** Removes a waiting link, unless a call holds it then, after the removals under way. */
  removeSoon(name: string): void {
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) void this.#removals.run(() => this.#removeUnlessHeld(name, waiting));
  }

  #arm(name: string, waiting: WaitingLink): void {
    waiting.timer = this.#serving?.timers.arm(waiting.stepMs, () => {
      waiting.steps -= 1;
      if (waiting.steps > 0) this.#arm(name, waiting);
      else this.removeSoon(name);
    });
  }

  async #removeUnlessHeld(name: string, waiting: WaitingLink): Promise<void> {
    await this.#removing.get(name);
    const isOver = () => this.#serving?.ctx.signal.aborted !== false; // sockets are being closed
    const isDue = () => !isOver() && this.#waiting.get(name) === waiting && !this.#options.isHeld(name);
    if (!isDue()) return;
    const removal = this.#remove(name, isDue);
    const end = removal.then(
      () => {},
      () => {},
    );
    this.#removing.set(name, end);
    try {
      await removal;
    } catch (err) {
      if (isOver()) return;
      this.#serving?.ctx.log.warn({ err, link: name }, "a link that nobody claims cannot be removed");
      if (isDue()) this.wait(name, laterTry(waiting));
    } finally {
      this.#removing.delete(name);
    }
  }

  async #remove(name: string, isDue: () => boolean): Promise<void> {
    const { route, mayRemove, onRemoved } = this.#options;
    const link = await route.linkGet(name);
    if (!isDue()) return; // its connection came meanwhile
    if (link !== undefined && mayRemove(link)) {
      await deleteLink(route, link.index);
      this.#removed += 1;
      onRemoved(link);
      this.#serving?.ctx.log.info({ link: name, alias: link.alias }, "link removed: nobody claimed it");
    }
    this.claim(name);
  }
}
