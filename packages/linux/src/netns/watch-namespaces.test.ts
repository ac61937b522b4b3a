// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import { realTimers } from "../testing/timers.js";
import { type NamespacesWatch, openNetns, watchNamespaces } from "./index.js";

function pidfds(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes("pidfd");
    } catch {
      return false; // the one that read the directory
    }
  }).length;
}

const ownIno = () => BigInt(readlinkSync("/proc/self/ns/net").slice("net:[".length, -1));

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error("waited too long");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describeInNetns("following namespaces by their processes", () => {
  let scratch: ScratchNetns;
  let watch: NamespacesWatch;
  const others: ChildProcess[] = [];
  beforeEach(async () => {
    scratch = await scratchNetns();
    watch = watchNamespaces({ timers: realTimers, firstLookMs: 0 });
  });
  afterEach(async () => {
    watch.close();
    for (const other of others.splice(0)) other.kill("SIGKILL");
    await scratch.destroy();
  });

  /** Another process in the namespace. */
  async function join(): Promise<ChildProcess> {
    const child = spawn(
      "nsenter",
      [`--net=/proc/${scratch.pid}/ns/net`, "sh", "-c", "echo in; exec sleep 60"],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    others.push(child);
    await once(child.stdout, "data");
    return child;
  }

  it("tells all followers once when the last process ends, although a descriptor keeps the namespace", async () => {
    const { ino } = scratch.netns.id;
    const pinned = openNetns(`/proc/${scratch.pid}/ns/net`);
    const told: string[] = [];
    watch.follow(ino, () => told.push("first"));
    watch.follow(ino, () => told.push("second"));
    await until(() => watch.statistics().processes === 1);
    expect([watch.statistics().namespaces, pidfds()]).toEqual([1, 1]);
    await scratch.destroy();
    await until(() => told.length > 0);
    expect(told).toEqual(["first", "second"]);
    expect([watch.statistics(), pidfds()]).toEqual([{ namespaces: 0, processes: 0 }, 0]);
    pinned.close();
  });

  it("goes on with the next process when the one it waits for ends", async () => {
    const other = await join();
    let told = 0;
    watch.follow(scratch.netns.id.ino, () => {
      told += 1;
    });
    await until(() => watch.statistics().processes === 1);
    process.kill(scratch.pid, "SIGKILL");
    await until(() => watch.statistics().processes === 0);
    await until(() => watch.statistics().processes === 1);
    expect(told).toBe(0);
    other.kill("SIGKILL");
    await until(() => told === 1);
  });

  it("does not watch a namespace in which no process is seen", async () => {
    const { ino } = scratch.netns.id;
    const pinned = openNetns(`/proc/${scratch.pid}/ns/net`);
    await scratch.destroy();
    let told = 0;
    const follow = watch.follow(ino, () => {
      told += 1;
    });
    const other = watch.follow(ownIno(), () => {});
    await until(() => watch.statistics().processes === 1);
    expect([watch.statistics().namespaces, told]).toEqual([2, 0]);
    follow.close();
    other.close();
    expect([watch.statistics().namespaces, pidfds()]).toEqual([0, 0]);
    pinned.close();
  });

  it("gives every descriptor back when its followers leave, and calls nobody", async () => {
    const told: number[] = [];
    const follows = [1, 2].map((n) => watch.follow(scratch.netns.id.ino, () => told.push(n)));
    await until(() => watch.statistics().processes === 1);
    follows[0]?.close();
    follows[0]?.close();
    expect(pidfds()).toBe(1);
    follows[1]?.close();
    expect([watch.statistics().namespaces, pidfds()]).toEqual([0, 0]);
    await scratch.destroy();
    const own = watch.follow(ownIno(), () => {});
    await until(() => watch.statistics().processes === 1);
    own.close();
    expect(told).toEqual([]);
  });

  it("watches no more namespaces than it may", () => {
    const bounded = watchNamespaces({ timers: realTimers, most: 2 });
    for (const ino of [1n, 2n, 3n]) bounded.follow(ino, () => {});
    expect(bounded.statistics().namespaces).toBe(2);
    bounded.close();
    expect(bounded.statistics().namespaces).toBe(0);
  });
});
