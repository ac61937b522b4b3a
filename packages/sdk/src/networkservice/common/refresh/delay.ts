// SPDX-License-Identifier: Apache-2.0
import { type Path, timestampToMs } from "@nsm/api";

/**
 * When to refresh, in milliseconds from now: a share of the shortest token life left in the path, a third with one
 * segment, else `0.2 + 0.2 * index / length`, so that hops of one path do not refresh at once. Segments without
 * expiry are left out (upstream takes them as expired and refreshes in a tight loop).
 * @returns undefined when no segment has an expiry; 0 or less when one has expired
 */
export function refreshDelayMs(path: Path, nowMs: number): number | undefined {
  let leastMs: number | undefined;
  for (const { expires } of path.pathSegments) {
    if (expires === undefined) continue;
    const leftMs = timestampToMs(expires) - nowMs;
    leastMs = leastMs === undefined ? leftMs : Math.min(leastMs, leftMs);
  }
  if (leastMs === undefined) return undefined;
  const count = path.pathSegments.length;
  return leastMs * (count <= 1 ? 1 / 3 : 0.2 + (0.2 * path.index) / count);
}
