// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { testContext, VirtualClock } from "@nsm/testkit";
import { differences, openDescriptors, untilNothing } from "./leftovers.js";

describe("looking for leftovers", () => {
  it("names counts that differ, appeared or are gone", () => {
    expect(differences({ same: 1, more: 1, gone: 2 }, { same: 1, more: 3, new: 1 })).toEqual([
      "gone: 2 -> 0",
      "more: 1 -> 3",
      "new: 0 -> 1",
    ]);
  });

  it("sees open sockets and handles of namespaces", async () => {
    const before = openDescriptors();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const netns = openSync("/proc/self/ns/net", "r");
    expect(differences(before, openDescriptors())).toEqual([
      `network namespaces: ${before["network namespaces"]} -> ${(before["network namespaces"] ?? 0) + 1}`,
      `sockets: ${before.sockets} -> ${(before.sockets ?? 0) + 1}`,
    ]);
    closeSync(netns);
    server.close();
    await once(server, "close");
    expect(differences(before, openDescriptors())).toEqual([]);
  });

  it("waits until nothing is left, and fails with what still is when the time is over", async () => {
    const clock = new VirtualClock();
    const ctx = testContext({ clock });
    const findings = [["a"], ["a"], []];
    await clock.waitFor(untilNothing(ctx, 1_000, () => findings.shift() ?? []));
    expect(findings).toEqual([]);
    const startMs = clock.now();
    const failing = untilNothing(ctx, 1_000, () => ["link x"]);
    await expect(clock.waitFor(failing)).rejects.toThrow("left behind:\n    link x");
    expect(clock.now() - startMs).toBe(1_000);
  });
});
