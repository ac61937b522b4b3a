// SPDX-License-Identifier: Apache-2.0
import { readdir, readlink } from "node:fs/promises";

/**
 * Process ids that live in the network namespace with this inode number, from `/proc/<pid>/ns/net`, ascending.
 * Only what the own pid namespace and permissions show; an empty answer therefore means "none to be seen".
 */
export async function processesIn(ino: bigint): Promise<number[]> {
  return (await processesByNetns(new Set([ino]))).get(ino) ?? [];
}

/** Like {@link processesIn} for several namespaces at once; those without a process to be seen are absent. */
export async function processesByNetns(inos: ReadonlySet<bigint>): Promise<Map<bigint, number[]>> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = new Map<bigint, number[]>();
  const homes = await Promise.all(pids.map(netnsOf));
  for (const [position, pid] of pids.entries()) {
    const ino = homes[position];
    if (ino === undefined || !inos.has(ino)) continue;
    const there = found.get(ino) ?? [];
    there.push(pid);
    found.set(ino, there);
  }
  for (const there of found.values()) there.sort((a, b) => a - b);
  return found;
}

/**
 * Inode number of a process's network namespace; undefined when it has ended (a process that nobody has waited for
 * yet is in none) or is hidden from us.
 */
export async function netnsOf(pid: number): Promise<bigint | undefined> {
  try {
    const ino = /^net:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/ns/net`))?.[1];
    return ino === undefined ? undefined : BigInt(ino);
  } catch {
    return undefined; // processes come and go while we look
  }
}
