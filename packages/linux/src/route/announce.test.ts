// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from "node:fs";
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import { type Announcer, announcer, openRouteSocket, type RouteSocket } from "./index.js";

describeInNetns("announcing neighbours", () => {
  let here: ScratchNetns;
  let there: ScratchNetns;
  let route: RouteSocket;
  let far: RouteSocket;
  let neighbours: Announcer;
  let index: number;
  let farIndex: number;

  beforeEach(async () => {
    [here, there] = [await scratchNetns(), await scratchNetns()];
    neighbours = announcer(here.netns);
    [route, far] = [openRouteSocket(here.netns), openRouteSocket(there.netns)];
    await route.linkAdd({ kind: "veth", name: "host", peer: { name: "pod", netns: there.netns } });
    await route.linkSet("host", { up: true });
    await far.linkSet("pod", { up: true });
    index = (await route.linkGet("host"))?.index ?? 0;
    farIndex = (await far.linkGet("pod"))?.index ?? 0;
    await far.addressReplace(farIndex, "10.0.0.1/24");
    await far.addressReplace(farIndex, "fd00::1/64");
  });
  afterEach(async () => {
    for (const socket of [neighbours, route, far]) socket.close();
    await here.destroy();
    await there.destroy();
  });

  it("replaces what the far end remembers, of both families, and teaches it nothing else", async () => {
    const old = "02:00:00:00:00:aa";
    const now = "02:00:00:00:00:bb";
    for (const ip of ["10.0.0.2", "fd00::2"]) await far.neighbourReplace(farIndex, ip, old, "reachable");
    const announcements = ["10.0.0.2", "fd00::2", "10.0.0.3", "fd00::3"].map((ip) => ({
      ip,
      macAddress: now,
    }));
    neighbours.announce(index, announcements);
    const known = (await far.neighbours(farIndex)).map(({ ip, macAddress }) => `${ip} ${macAddress}`);
    expect(known.filter((entry) => !entry.startsWith("fe80")).sort()).toEqual([
      `10.0.0.2 ${now}`,
      `fd00::2 ${now}`,
    ]);
  });

  it("says that the link is not there", () => {
    expect(() => neighbours.announce(9999, [{ ip: "10.0.0.2", macAddress: "02:00:00:00:00:bb" }])).toThrow(
      expect.objectContaining({ code: "ENXIO" }),
    );
    neighbours.announce(9999, []);
  });

  it("has one descriptor from beginning to end", () => {
    const openDescriptors = () => readdirSync("/proc/self/fd").length;
    const before = openDescriptors();
    const own = announcer(here.netns);
    expect(openDescriptors()).toBe(before + 1);
    for (let i = 0; i < 3; i++) own.announce(index, [{ ip: "10.0.0.2", macAddress: "02:00:00:00:00:bb" }]);
    expect(openDescriptors()).toBe(before + 1);
    own.close();
    own.close();
    expect(openDescriptors()).toBe(before);
  });
});
