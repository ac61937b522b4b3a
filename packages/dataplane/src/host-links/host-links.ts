// SPDX-License-Identifier: Apache-2.0
import type { Connection, Context, HostPort, LinkSide } from "@nsm/core";
import type { Link, RouteSocket } from "@nsm/linux";
import { hostLinkName, linkKey, ownerGroup, ownLink, parseAlias } from "../names/index.js";
import type { FoundLink } from "./found-links.js";
import { LinkHold } from "./link-hold.js";
import { leftover, remains } from "./waiting-link.js";
import { WaitingLinks } from "./waiting-links.js";

/** Tells forwarders that work apart from those that are gone. */
export interface Owners {
  /** From now on, until `ctx` ends, the forwarder with that mark works. */
  announce(ctx: Context, group: number): void;
  /** Whether a forwarder with that mark works in this namespace now. */
  isAlive(group: number): boolean;
}

/** What {@link HostLinks} needs. */
export interface HostLinksOptions {
  /** rtnetlink of the forwarder's namespace. */
  readonly route: RouteSocket;
  /** Default: all others are alive. */
  readonly owners?: Owners;
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
 * that nobody has claimed. The latter are from an earlier process of the same name, from a forwarder that is gone, or
 * from a call that failed; they go on forwarding, a Request of their connection claims them, and when none has come
 * within the time given they are removed. Others' links are never touched: name, alias, kind and mark must be right at
 * that moment.
 *
 * Time is counted in steps of a timer, not by the clock: neither a step of the clock nor a process that was stopped
 * for long makes a link older than the time in which its connection could have returned.
 */
export class HostLinks {
  readonly #options: HostLinksOptions;
  readonly #waiting: WaitingLinks;
  readonly #held = new Map<string, number>();
  readonly #kept = new Map<string, KeptLink>();
  #found: readonly FoundLink[];
  #purgeAfterMs = 0;
  #group = 0;

  /** @param found what is in the namespace now */
  constructor(options: HostLinksOptions, found: readonly FoundLink[]) {
    this.#options = options;
    this.#found = found;
    this.#waiting = new WaitingLinks({
      route: options.route,
      isHeld: (name) => this.#held.has(name),
      mayRemove: (link) => this.#isAbandoned(link),
      onRemoved: (link) => this.gone(link),
    });
  }

  /** Mark of this forwarder's links; 0 until {@link serve}. */
  get group(): number {
    return this.#group;
  }

  /** Links removed here since the start. */
  get removed(): number {
    return this.#waiting.removed;
  }

  /**
   * Takes over what a forwarder of this name left, and what those left that are gone; its time runs from now on.
   * @param ctx lifetime, clock and log
   * @param purgeAfterMs how long a link waits for its connection, milliseconds: one token lifetime
   */
  serve(ctx: Context, forwarder: string, purgeAfterMs: number): void {
    this.#group = ownerGroup(forwarder);
    this.#purgeAfterMs = purgeAfterMs;
    this.#options.owners?.announce(ctx, this.#group);
    this.#waiting.serve(ctx);
    for (const found of this.#found) {
      if (this.#isAbandoned(found.link)) this.#waiting.wait(found.link.name, leftover(found, purgeAfterMs));
    }
    this.#found = [];
    const links = this.#waiting.size;
    if (links > 0)
      ctx.log.info({ links, purgeAfterMs }, "links of an earlier process wait for their connections");
  }

  /** The link that an earlier process left for one side of a connection, until something comes of it. */
  leftover(side: LinkSide, connection: Connection): Link | undefined {
    return this.#leftover(nameOf(side, connection));
  }

  /** Links that wait and that no call works on. @param alias only those with it */
  unclaimed(alias?: string): string[] {
    return [...this.#waiting.entries()].flatMap(([name, { leftover: found }]) => {
      if (this.#held.has(name)) return [];
      return alias === undefined || found?.link.alias === alias ? [name] : [];
    });
  }

  /**
   * A link is gone, here or because another has taken its place. What another process joined to it leads nowhere now and
   * goes too: its connection has got new links.
   */
  gone(link: Link): void {
    const leadsTo = this.#waiting.get(link.name)?.leftover?.leadsTo;
    this.#waiting.claim(link.name);
    for (const [name, { leftover: other }] of [...this.#waiting.entries()]) {
      if (other !== undefined && (other.link.index === leadsTo || other.leadsTo === link.index))
        this.#waiting.removeSoon(name);
    }
    this.#options.onRemoved?.(link);
  }

  /**
   * Begins a call for a connection: its links are not removed until the hold ends. Waits for a removal that has begun.
   * What an interrupted building of the same client's connection left is removed first: the client asks anew, and the
   * forwarder's part of the path was never told to it.
   */
  async hold(connection: Connection): Promise<LinkHold> {
    const names = { server: nameOf("server", connection), client: nameOf("client", connection) };
    for (const name of Object.values(names)) {
      this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
      this.#waiting.pause(name);
    }
    for (const name of [...Object.values(names)]) await this.#waiting.settled(name);
    await Promise.all(this.#interrupted(connection).map((name) => this.#waiting.remove(name)));
    return new LinkHold(names, {
      isLeftover: (name) => this.#leftover(name) !== undefined,
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
      ...this.#options.more?.(),
    };
  }

  #keep(name: string, { kind, ifindex }: HostPort): void {
    const [waiting, former] = [this.#waiting.get(name), this.#kept.get(name)];
    const adopted = waiting
      ? waiting.leftover?.link.index === ifindex
      : former?.adopted && former.ifindex === ifindex;
    this.#kept.set(name, { kind, ifindex, adopted: adopted === true });
    this.#waiting.claim(name);
    this.#unhold(name);
  }

  #failed(name: string): void {
    if (!this.#unhold(name) || this.#kept.has(name)) return;
    // A connection that asked will ask again: its link has the whole time once more
    const found = this.#waiting.get(name)?.leftover;
    this.#waiting.wait(name, found === undefined ? remains() : leftover(found, this.#purgeAfterMs));
  }

  #closed(name: string, complete: boolean): void {
    this.#kept.delete(name);
    this.#waiting.claim(name);
    if (this.#unhold(name) && !complete) this.#waiting.wait(name, remains());
  }

  /** @returns whether no other call holds it */
  #unhold(name: string): boolean {
    const rest = (this.#held.get(name) ?? 1) - 1;
    if (rest > 0) this.#held.set(name, rest);
    else this.#held.delete(name);
    return rest <= 0;
  }

  #leftover(name: string): Link | undefined {
    return this.#waiting.get(name)?.leftover?.link;
  }

  #interrupted(connection: Connection): string[] {
    const { id0 } = linkKey("server", connection);
    return [...this.#waiting.entries()].flatMap(([name, { leftover: found }]) =>
      found !== undefined && found.leadsTo === undefined && parseAlias(found.link.alias)?.id0 === id0
        ? [name]
        : [],
    );
  }

  /** Of this forwarder or of one that is gone. */
  #isAbandoned(link: Link): boolean {
    if (link.group === 0 || ownLink(link) === undefined) return false;
    return link.group === this.#group || this.#options.owners?.isAlive(link.group) === false;
  }
}

function nameOf(side: LinkSide, connection: Connection): string {
  return hostLinkName(linkKey(side, connection));
}
