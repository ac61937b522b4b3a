// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import koffi from "koffi";
import { reapOrphans } from "./index.js";

const PR_SET_CHILD_SUBREAPER = 36;
const prctl = koffi.load(null).func("int prctl(int option, unsigned long value)");
const setSubreaper = (on: boolean) => prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0);

const isDead = (pid: number): boolean => readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");

/** Blocks this thread, so that Node cannot take a status meanwhile. */
function untilDead(pid: number): void {
  const endMs = performance.now() + 5000;
  while (!isDead(pid)) if (performance.now() > endMs) throw new Error(`process ${pid} does not end`);
}

it("leaves the exit status of own children to Node", async () => {
  const child = spawn("sh", ["-c", "exit 7"], { stdio: "ignore" });
  const exited = once(child, "exit");
  untilDead(child.pid ?? 0);
  expect(reapOrphans((pid) => pid === child.pid)).toEqual([]);
  expect((await exited)[0]).toBe(7);
});

it("takes an orphan in a process that inherits orphans", async () => {
  setSubreaper(true);
  try {
    // The shell ends at once and leaves its child, which is ours from then on
    const shell = spawn("sh", ["-c", "sleep 0.05 >/dev/null & echo $!"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const closed = once(shell, "close");
    const [text] = await once(shell.stdout, "data");
    await closed;
    const orphan = Number(text);
    untilDead(orphan);
    expect(reapOrphans((pid) => pid === shell.pid)).toEqual([orphan]);
    expect(() => isDead(orphan)).toThrow("ENOENT");
  } finally {
    setSubreaper(false);
  }
});
