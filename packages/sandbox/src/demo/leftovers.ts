// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readlinkSync } from "node:fs";
import { type Context, sleep } from "@nsm/core";

const POLL_MS = 20;

/** Counts that differ, as `name: before -> after`. */
export function differences(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names
    .filter((name) => (before[name] ?? 0) !== (after[name] ?? 0))
    .map((name) => `${name}: ${before[name] ?? 0} -> ${after[name] ?? 0}`);
}

/** Open sockets and handles of network namespaces of this process, as `/proc/self/fd` shows them. */
export function openDescriptors(): Record<string, number> {
  const counts = { sockets: 0, "network namespaces": 0 };
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (target.startsWith("socket:")) counts.sockets += 1;
      if (target.startsWith("net:")) counts["network namespaces"] += 1;
    } catch {
      // The descriptor that read the folder
    }
  }
  return counts;
}

/**
 * Waits until `look` finds nothing wrong.
 * @throws Error with the last findings when `timeoutMs` have passed
 */
export async function untilNothing(ctx: Context, timeoutMs: number, look: () => string[]): Promise<void> {
  const endMs = ctx.clock.now() + timeoutMs;
  for (let found = look(); found.length > 0; found = look()) {
    if (ctx.clock.now() >= endMs) throw new Error(`left behind:\n    ${found.join("\n    ")}`);
    await sleep(ctx, POLL_MS);
  }
}
