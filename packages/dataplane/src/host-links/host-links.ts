// SPDX-License-Identifier: Apache-2.0
import { type Connection, type Context, type HostPort, type LinkSide, SerialExecutor } from "@nsm/core";
import type { Link, RouteSocket } from "@nsm/linux";
import { ChainTimers } from "@nsm/sdk/networkservice/utils/timers";
import { hostLinkName, linkKey, ownerGroup, ownLink } from "../names/index.js";
import { deleteLink } from "./delete-link.js";
import { LinkHold } from "./link-hold.js";
import { laterTry, leftover, remains, type WaitingLink } from "./waiting-link.js";

/** What {@link HostLinks} needs. */
export interface HostLinksOptions {
  /** rtnetlink of the forwarder's namespace. */
  readonly route: RouteSocket;
  /** Told of every link that is removed here. */
  readonly onRemoved?: (link: Link) => void;
  /** Further sizes for the statistics. */
  readonly more?: () => Record<string, number>;
}

/** A link of a live connection. */
interface KeptLink {
  readonly kind: HostPort["kind"];
  readonly ifindex: number;
  /** An earlier process made it. */
  readonly adopted: boolean;
}

/**
 * The forwarder's ends of its links by name: those of live connections, those that calls are working on, and those
 * that nobody has claimed. An earlier process of the same name left the latter, or a Close that failed; they go on
 * forwarding, a Request of their connection claims them, and when none has come within the time given they are
 * removed. Others' links are never touched: name, alias, kind and mark must be ours at that moment.
 *
 * Time is counted in steps of a timer, not by the clock: neither a step of the clock nor a process that was stopped
 * for long makes a link older than the time in which its connection could have returned.
 */
export class HostLinks {
  readonly #route: RouteSocket;
  readonly #onRemoved: (link: Link) => void;
  readonly #more: () => Record<string, number>;
  readonly #waiting = new Map<string, WaitingLink>();
  readonly #held = new Map<string, number>();
  readonly #kept = new Map<string, KeptLink>();
  /** Removals that the kernel is carrying out; they never fail. */
  readonly #removing = new Map<string, Promise<void>>();
  /** Removals are not urgent, and each keeps a thread of the pool busy: one after the other. */
  readonly #removals = new SerialExecutor();
  #found: readonly Link[];
  #serving:
    | { readonly ctx: Context; readonly timers: ChainTimers; readonly purgeAfterMs: number }
    | undefined;
  #group = 0;
  #removed = 0;

  /** @param found the links of the namespace as they are now */
  constructor(options: HostLinksOptions, found: readonly Link[]) {
    this.#route = options.route;
    this.#onRemoved = options.onRemoved ?? (() => {});
    this.#more = options.more ?? (() => ({}));
    this.#found = found.filter((link) => ownLink(link) !== undefined);
  }

  /** Mark of this forwarder's links; 0 until {@link serve}. */
  get group(): number {
    return this.#group;
  }

  /**
   * Takes over what a forwarder of this name left; its time runs from now on.
   * @param ctx lifetime, clock and log
   * @param purgeAfterMs how long a link waits for its connection, milliseconds: one token lifetime
   */
  serve(ctx: Context, forwarder: string, purgeAfterMs: number): void {
    this.#group = ownerGroup(forwarder);
    this.#serving = { ctx, timers: new ChainTimers(ctx), purgeAfterMs };
    for (const link of this.#found) {
      if (this.#isOurs(link)) this.#wait(link.name, leftover(link, purgeAfterMs));
    }
    this.#found = [];
    if (this.#waiting.size > 0)
      ctx.log.info(
        { links: this.#waiting.size, purgeAfterMs },
        "links of an earlier process wait for their connections",
      );
  }

  /** The link that an earlier process left for one side of a connection, until something comes of it. */
  leftover(side: LinkSide, connection: Connection): Link | undefined {
    return this.#waiting.get(nameOf(side, connection))?.leftover;
  }

  /**
   * Begins a call for a connection: its links are not removed until the hold ends. Waits for a removal that has begun.
   */
  async hold(connection: Connection): Promise<LinkHold> {
    const names = { server: nameOf("server", connection), client: nameOf("client", connection) };
    for (const name of Object.values(names)) {
      this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
      this.#waiting.get(name)?.timer?.cancel();
    }
    for (const name of Object.values(names)) await this.#removing.get(name);
    return new LinkHold(names, {
      isLeftover: (name) => this.#waiting.get(name)?.leftover !== undefined,
      keep: (name, port) => this.#keep(name, port),
      failed: (name) => this.#failed(name),
      closed: (name, complete) => this.#closed(name, complete),
    });
  }

  /** Live links by kind and how many of them were adopted, links waiting, links held by calls. */
  statistics(): Record<string, number> {
    const kept = [...this.#kept.values()];
    return {
      veth: kept.filter(({ kind }) => kind === "veth").length,
      vxlan: kept.filter(({ kind }) => kind === "vxlan").length,
      adopted: kept.filter(({ adopted }) => adopted).length,
      waiting: this.#waiting.size,
      held: this.#held.size,
      ...this.#more(),
    };
  }

  /** Links removed here since the start. */
  get removed(): number {
    return this.#removed;
  }

  #keep(name: string, { kind, ifindex }: HostPort): void {
    const [waiting, former] = [this.#waiting.get(name), this.#kept.get(name)];
    const adopted = waiting
      ? waiting.leftover?.index === ifindex
      : former?.adopted && former.ifindex === ifindex;
    this.#kept.set(name, { kind, ifindex, adopted: adopted === true });
    this.#stopWaiting(name);
    this.#unhold(name);
  }

  #failed(name: string): void {
    if (!this.#unhold(name) || this.#kept.has(name)) return;
    // A connection that asked will ask again: its link has the whole time once more
    const link = this.#waiting.get(name)?.leftover;
    const { purgeAfterMs = 0 } = this.#serving ?? {};
    this.#wait(name, link === undefined ? remains() : leftover(link, purgeAfterMs));
  }

  #closed(name: string, complete: boolean): void {
    this.#kept.delete(name);
    this.#stopWaiting(name);
    if (this.#unhold(name) && !complete) this.#wait(name, remains());
  }

  /** @returns whether no other call holds it */
  #unhold(name: string): boolean {
    const rest = (this.#held.get(name) ?? 1) - 1;
    if (rest > 0) this.#held.set(name, rest);
    else this.#held.delete(name);
    return rest <= 0;
  }

  #stopWaiting(name: string): void {
    this.#waiting.get(name)?.timer?.cancel();
    this.#waiting.delete(name);
  }

  #wait(name: string, waiting: WaitingLink): void {
    this.#stopWaiting(name);
    this.#waiting.set(name, waiting);
    this.#arm(name, waiting);
  }

  #arm(name: string, waiting: WaitingLink): void {
    waiting.timer = this.#serving?.timers.arm(waiting.stepMs, () => {
      waiting.steps -= 1;
      if (waiting.steps > 0) this.#arm(name, waiting);
      else void this.#removals.run(() => this.#removeUnlessHeld(name, waiting));
    });
  }

  async #removeUnlessHeld(name: string, waiting: WaitingLink): Promise<void> {
    const isDue = () => this.#waiting.get(name) === waiting && !this.#held.has(name);
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
      this.#serving?.ctx.log.warn({ err, link: name }, "a link that nobody claims cannot be removed");
      if (isDue()) this.#wait(name, laterTry(waiting));
    } finally {
      this.#removing.delete(name);
    }
  }

  async #remove(name: string, isDue: () => boolean): Promise<void> {
    const link = await this.#route.linkGet(name);
    if (!isDue()) return; // its connection came meanwhile
    if (link !== undefined && this.#isOurs(link)) {
      await deleteLink(this.#route, link.index);
      this.#removed += 1;
      this.#onRemoved(link);
      this.#serving?.ctx.log.info({ link: name, alias: link.alias }, "link removed: nobody claimed it");
    }
    this.#waiting.delete(name);
  }

  #isOurs(link: Link): boolean {
    return link.group === this.#group && ownLink(link) !== undefined;
  }
}

function nameOf(side: LinkSide, connection: Connection): string {
  return hostLinkName(linkKey(side, connection));
}
