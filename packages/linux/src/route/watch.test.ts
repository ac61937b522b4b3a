// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readlinkSync } from "node:fs";
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import { realTimers } from "../testing/timers.js";
import { type LinkEvent, openRouteSocket, type RouteSocket, watchLinks } from "./index.js";

function descriptors(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the one that read the directory
    }
  });
}

describeInNetns("watching links", () => {
  let here: ScratchNetns;
  let there: ScratchNetns;
  let route: RouteSocket;

  beforeEach(async () => {
    here = await scratchNetns();
    there = await scratchNetns();
    route = openRouteSocket(here.netns);
  });
  afterEach(async () => {
    route.close();
    await here.destroy();
    await there.destroy();
  });

  /** Watches until an event is as wanted, and gives all events so far. */
  function until(
    wanted: (event: LinkEvent) => boolean,
    addresses = false,
    begin: () => unknown = () => {},
    ofLink: (index: number) => boolean = () => true,
  ): Promise<LinkEvent[]> {
    const seen: LinkEvent[] = [];
    return new Promise((resolve) => {
      const watch = watchLinks({
        timers: realTimers,
        netns: here.netns,
        addresses,
        wanted: ofLink,
        onEvent(event) {
          seen.push(event);
          if (!wanted(event)) return;
          watch.close();
          resolve(seen);
        },
      });
      void begin();
    });
  }

  it("reports a veth as removed when the namespace of its peer dies", async () => {
    await route.linkAdd({ kind: "veth", name: "host", peer: { name: "nsm-1", netns: there.netns } });
    await route.linkSet("host", { alias: "veth-server-1" });
    const events = until((event) => event.type === "link-removed");
    await there.destroy();
    expect((await events).at(-1)).toMatchObject({
      type: "link-removed",
      link: { name: "host", kind: "veth", alias: "veth-server-1" },
    });
  });

  it("reports changes in order, and addresses on demand", async () => {
    const events = until((event) => event.type === "address-removed", true);
    await route.linkAdd({ kind: "veth", name: "a", peer: { name: "b" } });
    const { index } = (await route.linkGet("a"))!;
    await route.linkSet(index, { up: true });
    await route.addressReplace(index, "10.0.0.1/24");
    await route.addressDelete(index, "10.0.0.1/24");
    const seen = await events;
    const names = seen.flatMap((event) =>
      event.type === "link" ? [`${event.link.name} ${event.link.up}`] : [],
    );
    expect(names.indexOf("a false")).toBeLessThan(names.indexOf("a true"));
    expect(seen.filter(({ type }) => type.startsWith("address"))).toMatchObject([
      { type: "address", address: { linkIndex: index, address: "10.0.0.1/24" } },
      { type: "address-removed", address: { linkIndex: index, address: "10.0.0.1/24" } },
    ]);
  });

  it("reports only the links that are wanted", async () => {
    await route.linkAdd({ kind: "veth", name: "a", peer: { name: "b" } });
    const index = (await route.linkGet("b"))?.index ?? 0;
    const events = until(
      (event) => event.type === "link-removed",
      true,
      async () => {
        for (const name of ["a", "b"]) await route.linkSet(name, { up: true });
        await route.linkDelete("a");
      },
      (link) => link === index,
    );
    const seen = await events;
    expect(seen.length).toBeGreaterThan(1);
    for (const event of seen)
      expect(event).toHaveProperty(event.type.startsWith("link") ? "link.index" : "address.linkIndex", index);
  });

  it("does not report a port that leaves its bridge as removed", async () => {
    await route.linkAdd({ kind: "bridge", name: "br" });
    await route.linkAdd({ kind: "veth", name: "a", peer: { name: "b" } });
    const bridge = (await route.linkGet("br"))!.index;
    await route.linkSet("a", { masterIndex: bridge });
    const events = until((event) => event.type === "link-removed");
    await route.linkSet("a", { masterIndex: 0 });
    await route.linkDelete("br");
    const removed = (await events).filter(({ type }) => type === "link-removed");
    expect(removed).toMatchObject([{ link: { name: "br" } }]);
  });

  it("gives its descriptor back and calls nobody afterwards", async () => {
    const sockets = () => descriptors().filter((path) => path.startsWith("socket:")).length;
    const before = sockets();
    const seen: LinkEvent[] = [];
    const watch = watchLinks({ timers: realTimers, onEvent: (event) => seen.push(event), netns: here.netns });
    expect(sockets()).toBe(before + 1);
    await route.linkAdd({ kind: "bridge", name: "br" });
    watch.close();
    watch.close();
    expect(sockets()).toBe(before);
    await until(
      (event) => event.type === "link-removed",
      false,
      () => route.linkDelete("br"),
    );
    expect(seen).toEqual([]);
  });
});
