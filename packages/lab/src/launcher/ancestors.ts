// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

interface Ancestor {
  readonly pid: number;
  /** Start time in clock ticks since boot; tells a process from a later one with the same id. */
  readonly startTicks: string;
}

/** Fields of `/proc/<pid>/stat` (proc(5)) behind the command name, which may contain blanks and brackets. */
function stat(pid: number): { parent: number; startTicks: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { parent: Number(fields[1]), startTicks: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

const isNpm = (pid: number): boolean => {
  try {
    return /\bnpm\b/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " "));
  } catch {
    return false;
  }
};

/**
 * The processes whose end must end us: the parent, and everything up to npm when npm started us (npm puts a
 * shell between itself and the script, which outlives it).
 */
function ancestorsToWatch(): Ancestor[] {
  const chain: Ancestor[] = [];
  let watched = 1;
  for (let pid = process.ppid; pid > 1 && chain.length < 4; ) {
    const status = stat(pid);
    if (!status) break;
    chain.push({ pid, startTicks: status.startTicks });
    if (isNpm(pid)) watched = chain.length;
    pid = status.parent;
  }
  return chain.slice(0, watched);
}

/** Calls `onLost` once when the parent, or npm above it, has ended. @returns stops watching */
export function watchAncestors(onLost: () => void, intervalMs = 200): () => void {
  const ancestors = ancestorsToWatch();
  const firstParent = process.ppid;
  const timer = setInterval(() => {
    const lost =
      process.ppid !== firstParent ||
      ancestors.some(({ pid, startTicks }) => stat(pid)?.startTicks !== startTicks);
    if (!lost) return;
    clearInterval(timer);
    onLost();
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
