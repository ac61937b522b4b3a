// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { shared } from "../fdpass/shared.js";
import { realTimers } from "../testing/timers.js";
import type { TimerFunctions } from "../timers.js";
import { openPidfd } from "./pidfd.js";
import { watchReadable } from "./readable.js";

describe("waiting for what Node cannot wait for", () => {
  it("tells that a process has ended, every time it is asked until it is closed", async () => {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    const fd = openPidfd(child.pid ?? 0);
    let told = 0;
    const twice = new Promise<void>((resolve) => {
      const watch = watchReadable(fd, realTimers, () => {
        told += 1;
        if (told < 2) return; // a pidfd stays readable
        watch.close();
        resolve();
      });
    });
    const exited = once(child, "exit");
    expect(told).toBe(0);
    child.kill("SIGKILL");
    await Promise.all([exited, twice]);
    closeSync(fd);
    expect(told).toBe(2);
    expect(() => openPidfd(child.pid ?? 0)).toThrow(expect.objectContaining({ code: "ESRCH" }));
  });

  it("goes on when the waiting thread did not stay up, and asks whether it missed something", async () => {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    const fd = openPidfd(child.pid ?? 0);
    let restart: (() => void) | undefined;
    const timers: TimerFunctions = {
      setTimeout(run) {
        restart = run;
        return { cancel: () => {} };
      },
    };
    let told = 0;
    let onTold = (): void => {};
    const watch = watchReadable(fd, timers, () => {
      told += 1;
      onTold();
    });
    while (restart === undefined) {
      await shared().poller.worker?.terminate();
      await new Promise((resolve) => setImmediate(resolve));
    }
    restart();
    expect(told).toBe(1);
    const again = new Promise<void>((resolve) => {
      onTold = resolve;
    });
    child.kill("SIGKILL");
    await again;
    watch.close();
    closeSync(fd);
  });
});
