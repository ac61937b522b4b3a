// SPDX-License-Identifier: Apache-2.0
import { readdir, readlink } from "node:fs/promises";

/** Counts by name. */
export type Counts = Record<string, number>;

/** What `NSM_DEBUG_LISTEN_ON` answers. */
export interface DebugReport {
  /** Timers of the daemon's clock that wait. */
  readonly timers: number;
  /** Handles and requests that keep the process alive, by libuv's names. */
  readonly resources: Counts;
  /** Open descriptors by kind: `socket`, `pipe`, `net`, `eventpoll`, `file`, `device` … */
  readonly descriptors: Counts;
  /** What the transport holds: streams, calls, channels. */
  readonly transport: Counts;
  /** What the daemon holds, see `Daemon.statistics`. */
  readonly daemon: Counts;
  /** What the daemon did since its start, see `Daemon.totals`. */
  readonly totals: Counts;
  /** Bytes, see `process.memoryUsage`. */
  readonly memoryBytes: Counts;
  readonly uptimeSeconds: number;
}

/** Counts how often each name occurs, in the order of names. */
export function countByName(names: Iterable<string>): Counts {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Kind of a descriptor by the target of its link in `/proc/self/fd` (proc(5)). */
export function descriptorKind(target: string): string {
  const anonymous = /^anon_inode:\[?([^\]]*)\]?$/.exec(target);
  if (anonymous !== null) return anonymous[1] ?? "anon_inode";
  const special = /^([a-z]+):\[?\d+\]?$/.exec(target);
  if (special !== null) return special[1] ?? "special";
  return target.startsWith("/dev/") ? "device" : "file";
}

/** Open descriptors of this process by kind, without the one used for listing. */
export async function descriptorCounts(): Promise<Counts> {
  const kinds: string[] = [];
  for (const fd of await readdir("/proc/self/fd")) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => undefined);
    if (target !== undefined && !/^\/proc\/\d+\/fd$/.test(target)) kinds.push(descriptorKind(target));
  }
  return countByName(kinds);
}
