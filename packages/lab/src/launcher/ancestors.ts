// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

/** A process as proc(5) shows it. */
export interface ProcessSeen {
  /** 0 when it is outside this pid namespace. */
  readonly parent: number;
  /** Start time in clock ticks since boot; tells a process from a later one with the same id. */
  readonly startTicks: string;
  /** Program and arguments. */
  readonly args: readonly string[];
}

type LookUp = (pid: number) => ProcessSeen | undefined;

/**
 * Looks a process up in `/proc`; undefined when there is none. The command name in `stat` may contain blanks and
 * brackets.
 */
export const inProc: LookUp = (pid) => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    return { parent: Number(fields[1]), startTicks: fields[19] ?? "", args };
  } catch {
    return undefined;
  }
};

/** Who must live for us to go on. */
export interface Ancestors {
  /** Process id → start time. */
  readonly watched: ReadonlyMap<number, string>;
  /** True when npm started us and has ended already. */
  readonly npmGone: boolean;
}

/**
 * The processes whose end must end us: the parent, and everything up to npm when npm started us (npm may put a
 * shell between itself and the script, which outlives it).
 * @param env of this process: npm leaves its name there
 */
export function ancestorsOf(
  parent: number,
  env: Readonly<Record<string, string | undefined>>,
  lookUp: LookUp = inProc,
): Ancestors {
  const chain: [number, string][] = [];
  let upToNpm = 0;
  for (let pid = parent; pid > 0; ) {
    const seen = lookUp(pid);
    if (!seen) break;
    chain.push([pid, seen.startTicks]);
    if (upToNpm === 0 && seen.args.some((arg) => /\bnpm\b/.test(arg))) upToNpm = chain.length;
    pid = seen.parent;
  }
  const byNpm = env.npm_lifecycle_event !== undefined && /^npm\//.test(env.npm_config_user_agent ?? "");
  return { watched: new Map(chain.slice(0, upToNpm || 1)), npmGone: byNpm && upToNpm === 0 };
}

/**
 * Calls `onLost` once when the parent, or npm above it, has ended; at once when npm was gone before.
 * @returns stops watching
 */
export function watchAncestors(
  env: Readonly<Record<string, string | undefined>>,
  onLost: () => void,
  intervalMs = 200,
): () => void {
  const firstParent = process.ppid;
  const { watched, npmGone } = ancestorsOf(firstParent, env);
  const lost = (): boolean =>
    npmGone ||
    process.ppid !== firstParent ||
    [...watched].some(([pid, startTicks]) => inProc(pid)?.startTicks !== startTicks);
  const look = (): void => {
    if (!lost()) return;
    clearInterval(timer);
    onLost();
  };
  const timer = setInterval(look, intervalMs);
  timer.unref();
  look();
  return () => clearInterval(timer);
}
