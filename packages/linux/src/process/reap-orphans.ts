// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { reapChild } from "../syscall/index.js";

/**
 * For pid 1 of a pid namespace, to be called at intervals: takes the exit status of dead children whose parent ended
 * before them, and which nobody else waits for (waitpid(2) by number, never of all).
 * @param isOwn whether this process started that child itself: Node waits for those, and would wait for ever for a
 * status taken away from it
 * @returns process ids of those that are gone now
 */
export function reapOrphans(isOwn: (pid: number) => boolean): number[] {
  return deadChildren().filter((pid) => !isOwn(pid) && reapChild(pid));
}

function deadChildren(): number[] {
  const own = String(process.pid);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const [state, parent] = status(pid);
      return state === "Z" && parent === own;
    })
    .map(Number);
}

/** State and parent of proc_pid_stat(5); the command name before them may hold anything. */
function status(pid: string): (string | undefined)[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return []; // ended meanwhile
  }
}
