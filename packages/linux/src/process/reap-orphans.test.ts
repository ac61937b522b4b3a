// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import koffi from "koffi";
import { reapOrphans } from "./index.js";

const PR_SET_CHILD_SUBREAPER = 36;
const prctl = koffi.load(null).func("int prctl(int option, unsigned long value)");
const setSubreaper = (on: boolean) => prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0);

const turn = () => new Promise(setImmediate);

it("leaves the exit status of Node's own children to Node", async () => {
  const children = Array.from({ length: 5 }, () => promisify(execFile)("sh", ["-c", "echo done"]));
  const watching = (async () => {
    for (let i = 0; i < 20; i++) {
      reapOrphans();
      await turn();
    }
  })();
  for (const { stdout } of await Promise.all(children)) expect(stdout).toBe("done\n");
  await watching;
});

it("takes an orphan at the second call, in a process that inherits orphans", async () => {
  setSubreaper(true);
  try {
    // The shell ends at once and leaves its child, which is ours from then on
    const { stdout } = await promisify(execFile)("sh", ["-c", "sleep 0.05 >/dev/null & echo $!"]);
    const orphan = Number(stdout);
    const dead = () => readFileSync(`/proc/${orphan}/stat`, "latin1").includes(") Z ");
    while (!dead()) await turn();
    expect(reapOrphans()).toEqual([]);
    await turn();
    expect(reapOrphans()).toEqual([orphan]);
    expect(dead).toThrow("ENOENT");
  } finally {
    setSubreaper(false);
  }
});
