// SPDX-License-Identifier: Apache-2.0
import { readdir, readlink } from "node:fs/promises";

/**
 * Process ids that live in the network namespace with this inode number, from `/proc/<pid>/ns/net`, ascending.
 * Only what the own pid namespace and permissions show; an empty answer therefore means "none to be seen".
 */
export async function processesIn(ino: bigint): Promise<number[]> {
  const wanted = `net:[${ino}]`;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => (await netnsLink(pid)) === wanted));
  return pids.filter((_, position) => found[position]).sort((a, b) => a - b);
}

/** Processes come and go while we look, and others' may be hidden from us. */
async function netnsLink(pid: number): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
