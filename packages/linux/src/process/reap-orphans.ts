// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { reapChild } from "../syscall/index.js";

/**
 * Children that were dead at the last call, with their start time, since numbers are used again. Waiting for
 * children is one per process by nature, hence not per caller.
 */
let deadBefore = new Set<string>();

/**
 * For pid 1 of a pid namespace, to be called at intervals: takes note of dead children that Node does not know, that
 * is, of processes whose parent ended before them. Node waits for its own children within one turn of the event
 * loop; whoever is still dead at the next call, in a later turn, is nobody's (waitpid(2) by number, never of all).
 * @returns process ids of those that are gone now
 */
export function reapOrphans(): number[] {
  const dead = deadChildren();
  const reaped = dead.filter(({ key, pid }) => deadBefore.has(key) && reapChild(pid)).map(({ pid }) => pid);
  deadBefore = new Set(dead.filter(({ pid }) => !reaped.includes(pid)).map(({ key }) => key));
  return reaped;
}

function deadChildren(): { pid: number; key: string }[] {
  const own = String(process.pid);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const [state, parent, startTime] = status(pid);
      return state === "Z" && parent === own ? [{ pid: Number(pid), key: `${pid} ${startTime}` }] : [];
    });
}

/** State, parent and start time of proc_pid_stat(5); the command name before them may hold anything. */
function status(pid: string): (string | undefined)[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [fields[0], fields[1], fields[19]];
  } catch {
    return []; // ended meanwhile
  }
}
