// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { countingClock } from "./counting-clock.js";
import { countByName, type DebugReport, descriptorCounts, descriptorKind } from "./debug-report.js";
import { debugServer } from "./debug-server.js";

function get(socketPath: string, path = "/", method = "GET"): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, method, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    call.on("error", reject);
    call.end();
  });
}

describe("the debug socket", () => {
  const directory = mkdtempSync(join(tmpdir(), "nsm-debug-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const report = { timers: 3, daemon: { connections: 2 } } as unknown as DebugReport;

  it("serves the report as JSON at / and nothing else, to this user only, replacing a stale file", async () => {
    const path = join(directory, "deep", "debug.sock");
    const server = await debugServer(path, async () => report, silentLogger);
    await server.close();
    writeFileSync(path, "stale");
    const again = await debugServer(path, async () => report, silentLogger);
    try {
      expect(await get(path)).toEqual({ status: 200, body: report });
      expect((await get(path, "/other")).status).toBe(404);
      expect((await get(path, "/", "POST")).status).toBe(405);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    } finally {
      await again.close();
    }
  });

  it("refuses a path that the kernel would cut", async () => {
    const tooLong = join(directory, "x".repeat(120));
    await expect(debugServer(tooLong, async () => report, silentLogger)).rejects.toThrow(
      "longer than 107 bytes",
    );
  });

  it("fails when it cannot be bound", async () => {
    const taken = join(directory, "file");
    writeFileSync(taken, "");
    await expect(debugServer(join(taken, "debug.sock"), async () => report, silentLogger)).rejects.toThrow();
  });
});

it.each([
  ["socket:[123]", "socket"],
  ["pipe:[123]", "pipe"],
  ["net:[4026531840]", "net"],
  ["anon_inode:[eventpoll]", "eventpoll"],
  ["anon_inode:inotify", "inotify"],
  ["/dev/null", "device"],
  ["/etc/hosts", "file"],
])("a descriptor of %s counts as %s", (target, kind) => {
  expect(descriptorKind(target)).toBe(kind);
});

it("names are counted in their order", () => {
  expect(Object.entries(countByName(["b", "a", "b"]))).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
});

it("own descriptors are counted, the listing itself is not", async () => {
  const before = await descriptorCounts();
  expect(Object.values(before).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2);
  expect(await descriptorCounts()).toEqual(before);
});

it("a counting clock knows the timers that wait", async () => {
  const virtual = new VirtualClock();
  const clock = countingClock(virtual);
  let fired = 0;
  clock.setTimeout(() => fired++, 10);
  const cancelled = clock.setTimeout(() => fired++, 10);
  expect(clock.pendingTimers).toBe(2);
  cancelled.cancel();
  expect(clock.pendingTimers).toBe(1);
  await virtual.advance(10);
  expect([clock.pendingTimers, fired, clock.now()]).toEqual([0, 1, virtual.now()]);
});
