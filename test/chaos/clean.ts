// SPDX-License-Identifier: Apache-2.0
import { type Lab, leftBehind, type Snapshot } from "@nsm/lab";

/** After so long without a call a pooled channel is closed. */
const IDLE_CHANNEL_MS = 35_000;

const isSocket = (line: string): boolean => / socket descriptors \+\d+$/.test(line);

/**
 * CLEAN after much has been restarted: like `leftBehind`, but channels that only lie idle in a pool get the time after
 * which they are closed.
 * @param boundMs for everything else
 */
export async function cleanAgain(lab: Lab, before: Snapshot, boundMs: number): Promise<string[]> {
  const left = await leftBehind(lab, before, boundMs);
  if (left.length === 0 || !left.every(isSocket)) return left;
  return await leftBehind(lab, before, IDLE_CHANNEL_MS);
}
