// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, rmSync, writeSync } from "node:fs";
import { EPOLLIN, eventfd } from "./bindings.js";
import { bundle, descriptorsSince, openDescriptors, until } from "./fixtures/harness.js";
import { type Pollable, Poller } from "./poller.js";

/** A descriptor that becomes readable by {@link signal}, and what was reported of it. */
class Watched implements Pollable {
  readonly fd = eventfd();
  readonly reports: number[] = [];
  failure: Error | undefined;

  ready(events: number): void {
    this.reports.push(events);
  }

  pollerFailed(error: Error): void {
    this.failure = error;
  }

  signal(): void {
    writeSync(this.fd, new BigUint64Array([1n]));
  }
}

let poller: Poller;
let watched: Watched;
beforeEach(() => {
  poller = new Poller(5);
  watched = new Watched();
});
afterEach(async () => {
  closeSync(watched.fd);
  await until(() => poller.worker === undefined);
});

it("reports once for each time it was asked", async () => {
  const id = poller.add(watched);
  poller.ref();
  watched.signal();
  poller.arm(id, EPOLLIN);
  await until(() => watched.reports.length === 1);
  const other = new Watched();
  const otherId = poller.add(other);
  other.signal();
  for (let round = 1; round <= 3; round++) {
    poller.arm(otherId, EPOLLIN);
    await until(() => other.reports.length === round);
  }
  expect(watched.reports).toEqual([EPOLLIN]);
  poller.remove(id);
  poller.remove(otherId);
  closeSync(other.fd);
  poller.unref();
});

it("ends its thread and closes its descriptors after the last connection, and starts again", async () => {
  const before = openDescriptors();
  for (let round = 0; round < 2; round++) {
    const id = poller.add(watched);
    expect(poller.size).toBe(1);
    poller.remove(id);
    const thread = poller.worker;
    expect(thread).toBeDefined();
    await until(() => poller.worker === undefined);
    await until(() => descriptorsSince(before).length === 0);
  }
  expect(descriptorsSince(before)).toEqual([]);
});

it("tells every connection when its thread cannot be kept up", async () => {
  const id = poller.add(watched);
  while (watched.failure === undefined) {
    const thread = poller.worker;
    await thread?.terminate();
    await until(() => poller.worker !== thread || watched.failure !== undefined);
  }
  expect(watched.failure.message).toContain("does not stay up");
  poller.remove(id);
});

it("lets process.exit end a process whose thread is in the middle of a long wait", async () => {
  const program = bundle("exit-while-waiting");
  const child = spawn(process.execPath, [program], { stdio: "inherit" });
  try {
    expect(await once(child, "exit")).toEqual([3, null]);
  } finally {
    child.kill("SIGKILL");
    rmSync(program);
  }
});
