// SPDX-License-Identifier: Apache-2.0
import type { HostPort, Timer } from "@nsm/core";
import type { Link, RouteSocket } from "@nsm/linux";
import { connectionWith, testContext, VirtualClock } from "@nsm/testkit";
import { hostAlias, hostLinkName, linkKey, ownerGroup } from "../names/index.js";
import { HostLinks } from "./index.js";

const FORWARDER = "forwarder-n1";
const LIFETIME_MS = 80_000;

const connection = (id: string) =>
  connectionWith({ id, path: { index: 1, pathSegments: [{ id: `first-${id}` }, { id }] } });
const key = (id: string) => linkKey("server", connection(id));
const nameOf = (id: string) => hostLinkName(key(id));

/** The server's link of a connection, as the kernel shows it. */
function linkOf(id: string, index: number, partial: Partial<Link> = {}): Link {
  return {
    index,
    name: nameOf(id),
    alias: hostAlias(key(id)),
    kind: "veth",
    group: ownerGroup(FORWARDER),
    mtuBytes: 1500,
    flags: 0,
    up: true,
    lowerUp: true,
    ...partial,
  };
}

const portOf = ({ index, name }: Link): HostPort => ({ ifindex: index, name, kind: "veth" });

/** A clock that can be set, and of a process that can be stopped: what fell due meanwhile fires then, once. */
class StoppableClock extends VirtualClock {
  readonly #due = new Set<() => void>();
  #offsetMs = 0;

  override now(): number {
    return super.now() + this.#offsetMs;
  }

  set(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  override setTimeout(callback: () => void, delayMs: number): Timer {
    const once = (): void => {
      if (this.#due.delete(once)) callback();
    };
    this.#due.add(once);
    const timer = super.setTimeout(once, delayMs);
    return {
      cancel: () => {
        this.#due.delete(once);
        timer.cancel();
      },
    };
  }

  async continueAfter(ms: number): Promise<void> {
    this.#offsetMs += ms;
    for (const fire of [...this.#due]) fire();
    await this.settle();
  }
}

/** Every link leads to the one of the index after its own, from 100 on. */
const leadsTo = ({ index }: Link): number => (index < 100 ? 1 : index + 1);

/** A kernel that holds links. */
function setUp(first: Link | { clock: VirtualClock } | undefined = undefined, ...more: Link[]) {
  const clock = first !== undefined && "clock" in first ? first.clock : new VirtualClock();
  const present = first === undefined || "clock" in first ? more : [first, ...more];
  const links = new Map(present.map((link) => [link.name, link]));
  const deleted: string[] = [];
  const refusals: Error[] = [];
  let beforeDeleting: (() => Promise<void>) | undefined;
  const route: Partial<RouteSocket> = {
    linkGet: async (link) => [...links.values()].find(({ index, name }) => link === index || link === name),
    async linkDelete(index) {
      await beforeDeleting?.();
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      const found = [...links.values()].find((link) => link.index === index);
      if (found === undefined) return false;
      deleted.push(found.name);
      return links.delete(found.name);
    },
  };
  const removed: number[] = [];
  const alive = new Set([ownerGroup("forwarder-n2")]);
  const owners = { announce: () => {}, isAlive: (group: number) => alive.has(group) };
  const hostLinks = new HostLinks(
    { route: route as RouteSocket, owners, onRemoved: ({ index }) => removed.push(index) },
    present.map((link) => ({ link, leadsTo: link.lowerUp ? leadsTo(link) : undefined })),
  );
  const life = new AbortController();
  hostLinks.serve(testContext({ clock, signal: life.signal }), FORWARDER, LIFETIME_MS);
  return {
    clock,
    stop: () => life.abort(),
    alive,
    links,
    deleted,
    removed,
    refusals,
    hostLinks,
    holdDeletion(until: Promise<void>) {
      beforeDeleting = () => until;
    },
  };
}

describe("links of an earlier process", () => {
  it("are removed when nobody has claimed them for one lifetime, and not before", async () => {
    const { clock, deleted, removed, hostLinks } = setUp(linkOf("a", 5), linkOf("b", 6));
    expect(hostLinks.statistics()).toMatchObject({ waiting: 2, veth: 0, adopted: 0 });
    await clock.advance(LIFETIME_MS - 1);
    expect(deleted).toEqual([]);
    await clock.advance(1);
    expect(deleted.sort()).toEqual([nameOf("a"), nameOf("b")].sort());
    expect(removed.sort()).toEqual([5, 6]);
    expect([hostLinks.removed, hostLinks.statistics().waiting]).toEqual([2, 0]);
  });

  it("stay when a Request claims them, and count as adopted", async () => {
    const { clock, deleted, hostLinks } = setUp(linkOf("a", 5));
    const hold = await hostLinks.hold(connection("a"));
    expect([...hold.returning]).toEqual(["server"]);
    hold.keep({ server: portOf(linkOf("a", 5)) });
    await clock.advance(3 * LIFETIME_MS);
    expect(deleted).toEqual([]);
    expect(hostLinks.statistics()).toMatchObject({ veth: 1, adopted: 1, waiting: 0, held: 0 });
  });

  it("do not count as adopted when they had to be made anew", async () => {
    const { hostLinks } = setUp(linkOf("a", 5));
    (await hostLinks.hold(connection("a"))).keep({ server: portOf(linkOf("a", 9)) });
    expect(hostLinks.statistics()).toMatchObject({ veth: 1, adopted: 0 });
  });

  it("are not removed while a Request is under way, however long", async () => {
    const { clock, deleted, hostLinks } = setUp(linkOf("a", 5));
    await clock.advance(LIFETIME_MS - 1);
    const hold = await hostLinks.hold(connection("a"));
    await clock.advance(5 * LIFETIME_MS);
    expect(deleted).toEqual([]);
    hold.keep({ server: portOf(linkOf("a", 5)) });
  });

  it("have the whole time again after a Request that failed", async () => {
    const { clock, deleted, hostLinks } = setUp(linkOf("a", 5));
    await clock.advance(LIFETIME_MS - 1);
    (await hostLinks.hold(connection("a"))).failed();
    await clock.advance(LIFETIME_MS - 1);
    expect(deleted).toEqual([]);
    expect(hostLinks.leftover("server", connection("a"))?.index).toBe(5);
    await clock.advance(1);
    expect(deleted).toEqual([nameOf("a")]);
  });

  it("are done with after a Close", async () => {
    const { clock, links, hostLinks } = setUp(linkOf("a", 5));
    const hold = await hostLinks.hold(connection("a"));
    links.delete(nameOf("a"));
    hold.closed(true);
    expect(hostLinks.leftover("server", connection("a"))).toBeUndefined();
    expect(hostLinks.statistics()).toMatchObject({ waiting: 0, held: 0 });
    await clock.advance(2 * LIFETIME_MS);
    expect(hostLinks.removed).toBe(0);
  });

  it("stay while the removal that has begun makes their Request wait", async () => {
    const { clock, deleted, hostLinks, holdDeletion } = setUp(linkOf("a", 5));
    let go = (): void => {};
    holdDeletion(
      new Promise((resolve) => {
        go = resolve;
      }),
    );
    await clock.advance(LIFETIME_MS);
    let held = false;
    const holding = hostLinks.hold(connection("a")).then((hold) => {
      held = true;
      return hold;
    });
    await clock.settle();
    expect(held).toBe(false);
    go();
    const hold = await holding;
    expect(deleted).toEqual([nameOf("a")]);
    expect(hold.returning.size).toBe(0);
  });

  it.each([
    ["another forwarder's", { group: ownerGroup("forwarder-n2") }],
    ["one without a mark", { group: 0 }],
    ["a foreign alias", { alias: "uplink" }],
    ["a foreign name", { name: "eth7" }],
    ["another kind", { kind: "bridge" }],
    ["the other side's alias", { alias: hostAlias({ side: "client", id0: "first-a" }) }],
  ])("never are %s", async (_what, partial) => {
    const { clock, deleted, hostLinks } = setUp(linkOf("a", 5, partial));
    expect(hostLinks.statistics().waiting).toBe(0);
    await clock.advance(3 * LIFETIME_MS);
    expect(deleted).toEqual([]);
  });

  it("never are what has taken name or index since", async () => {
    const { clock, links, deleted, hostLinks } = setUp(linkOf("a", 5), linkOf("b", 6), linkOf("c", 7));
    links.set(nameOf("a"), linkOf("a", 5, { alias: "foreign" }));
    links.delete(nameOf("b"));
    links.set("eth7", linkOf("c", 6, { name: "eth7" }));
    await clock.advance(3 * LIFETIME_MS);
    expect(deleted).toEqual([nameOf("c")]);
    expect(hostLinks.statistics().waiting).toBe(0);
  });

  it.each([
    ["forwards nothing: it has an eighth of the time", {}, LIFETIME_MS / 8],
    ["has no alias yet: nobody can use it", { alias: undefined as never }, 1000],
  ])("include one that was being made and %s", async (_what, partial, timeMs) => {
    const { clock, deleted } = setUp(linkOf("a", 5, { lowerUp: false, ...partial }));
    await clock.advance(timeMs - 1);
    expect(deleted).toEqual([]);
    await clock.advance(1);
    expect(deleted).toEqual([nameOf("a")]);
  });

  it("include those of a forwarder that is gone, but not when it is back by then", async () => {
    const theirs = { group: ownerGroup("forwarder-n3") };
    const [gone, back] = [setUp(linkOf("a", 5, theirs)), setUp(linkOf("a", 5, theirs))];
    expect(gone.hostLinks.statistics().waiting).toBe(1);
    back.alive.add(theirs.group);
    for (const { clock } of [gone, back]) await clock.advance(LIFETIME_MS);
    expect([gone.deleted, back.deleted]).toEqual([[nameOf("a")], []]);
    expect(back.hostLinks.statistics().waiting).toBe(0);
  });

  it("take with them what leads nowhere without them, unless that is being claimed", async () => {
    const { clock, deleted, hostLinks, links } = setUp(linkOf("a", 100), linkOf("b", 101), linkOf("c", 102));
    const hold = await hostLinks.hold(connection("c"));
    links.delete(nameOf("b"));
    hostLinks.gone(linkOf("b", 101));
    await clock.settle();
    expect(deleted).toEqual([nameOf("a")]);
    expect(hold.returning.size).toBe(1);
    expect(hostLinks.statistics().waiting).toBe(1);
  });

  it("are removed when the same client asks anew and they forward nothing", async () => {
    const path = (own: string) => ({ index: 1, pathSegments: [{ id: "first-a" }, { id: own }] });
    const halfBuilt = linkOf("a", 5, { lowerUp: false });
    const { deleted, hostLinks } = setUp(halfBuilt, linkOf("b", 6, { lowerUp: false }));
    const hold = await hostLinks.hold(connectionWith({ id: "new", path: path("new") }));
    expect([deleted, hold.returning.size]).toEqual([[nameOf("a")], 0]);
    const whole = setUp(linkOf("a", 5));
    await whole.hostLinks.hold(connectionWith({ id: "new", path: path("new") }));
    expect(whole.deleted).toEqual([]);
    expect(whole.hostLinks.unclaimed(hostAlias(key("a")))).toEqual([nameOf("a")]);
    expect(whole.hostLinks.unclaimed("veth-server-other")).toEqual([]);
  });

  it("are tried again when they cannot be removed", async () => {
    const { clock, deleted, refusals, hostLinks } = setUp(linkOf("a", 5));
    refusals.push(new Error("ENOBUFS"), new Error("ENOBUFS"));
    await clock.advance(LIFETIME_MS);
    expect([deleted, hostLinks.leftover("server", connection("a"))?.index]).toEqual([[], 5]);
    await clock.advance(1000 + 2000);
    expect(deleted).toEqual([nameOf("a")]);
  });

  it("lose one step of their time when the process is stopped, however long, and none when the clock is set", async () => {
    const clock = new StoppableClock();
    const { deleted } = setUp({ clock }, linkOf("a", 5));
    clock.set(100 * LIFETIME_MS);
    await clock.continueAfter(100 * LIFETIME_MS);
    for (let step = 1; step < 7; step++) await clock.advance(LIFETIME_MS / 8);
    expect(deleted).toEqual([]);
    await clock.advance(LIFETIME_MS / 8);
    expect(deleted).toEqual([nameOf("a")]);
  });

  it("stay when the forwarder ends before their time", async () => {
    const { clock, deleted, stop } = setUp(linkOf("a", 5));
    stop();
    await clock.advance(3 * LIFETIME_MS);
    expect(deleted).toEqual([]);
  });
});

describe("what failed calls leave", () => {
  it("is removed soon after a Close that failed", async () => {
    const { clock, links, deleted, hostLinks } = setUp();
    const hold = await hostLinks.hold(connection("a"));
    links.set(nameOf("a"), linkOf("a", 5));
    hold.keep({ server: portOf(linkOf("a", 5)) });
    (await hostLinks.hold(connection("a"))).closed(false);
    expect(hostLinks.statistics()).toMatchObject({ veth: 0 });
    await clock.advance(1000);
    expect(deleted).toEqual([nameOf("a")]);
  });

  it("is removed soon after a new Request that failed, unless its repetition comes", async () => {
    const { clock, links, deleted, hostLinks } = setUp();
    (await hostLinks.hold(connection("a"))).failed();
    links.set(nameOf("a"), linkOf("a", 5));
    const again = await hostLinks.hold(connection("a"));
    expect(again.returning.size).toBe(0);
    await clock.advance(5000);
    expect(deleted).toEqual([]);
    again.failed();
    await clock.advance(1000);
    expect(deleted).toEqual([nameOf("a")]);
    expect(hostLinks.statistics()).toMatchObject({ waiting: 0, held: 0 });
  });

  it("is nothing after a refresh that failed: the link is a live connection's", async () => {
    const { clock, links, deleted, hostLinks } = setUp();
    links.set(nameOf("a"), linkOf("a", 5));
    (await hostLinks.hold(connection("a"))).keep({ server: portOf(linkOf("a", 5)) });
    (await hostLinks.hold(connection("a"))).failed();
    await clock.advance(3 * LIFETIME_MS);
    expect(deleted).toEqual([]);
    expect(hostLinks.statistics()).toMatchObject({ veth: 1, waiting: 0, held: 0 });
  });
});
