// SPDX-License-Identifier: Apache-2.0
import type { Lab } from "../world/lab.js";
import { WaitedTooLong, waitFor } from "../world/wait.js";
import { type Snapshot, takeSnapshot } from "./snapshot.js";

/** Descriptors other than namespaces may differ by so many: keep-alive sockets, log rotation. */
const DESCRIPTOR_TOLERANCE = 2;
/** After a restart everybody may still hold channels made anew for connections that are closed by now (pooled, 30 s). */
const RESTARTED_TOLERANCE = 8;

const listDifference = (
  place: string,
  before: readonly string[] = [],
  after: readonly string[] = [],
): string[] => {
  const rest = [...before];
  const added: string[] = [];
  for (const line of after) {
    const at = rest.indexOf(line);
    if (at < 0) added.push(`${place}: left behind: ${line}`);
    else rest.splice(at, 1);
  }
  return [...added, ...rest.map((line) => `${place}: missing: ${line}`)];
};

type Lists = Readonly<Record<string, readonly string[]>>;

const listsDifference = (before: Lists, after: Lists): string[] =>
  Object.keys(before)
    .filter((place) => place in after)
    .flatMap((place) => listDifference(place, before[place], after[place]));

function descriptorDifference(before: Snapshot, after: Snapshot): string[] {
  const restarted = Object.entries(after.pids).some(([name, pid]) => (before.pids[name] ?? pid) !== pid);
  const tolerance = restarted ? RESTARTED_TOLERANCE : DESCRIPTOR_TOLERANCE;
  return Object.entries(after.descriptors).flatMap(([process, kinds]) => {
    const baseline = before.descriptors[process];
    if (!baseline) return [];
    return Object.keys({ ...baseline, ...kinds }).flatMap((kind) => {
      const change = (kinds[kind] ?? 0) - (baseline[kind] ?? 0);
      // One fewer: a request was under way when the former snapshot was taken
      const changed = kind === "net" ? change > 0 : Math.abs(change) > tolerance;
      return changed ? [`${process}: ${kind} descriptors ${change > 0 ? "+" : ""}${change}`] : [];
    });
  });
}

/** Differences between two snapshots of the same lab, as lines; places that are gone are not compared. */
export function snapshotDifference(before: Snapshot, after: Snapshot): string[] {
  return [
    ...listsDifference(before.kernel, after.kernel),
    ...listsDifference(before.connections, after.connections),
    ...listsDifference(before.files, after.files),
    ...listDifference("registry", before.registrations, after.registrations),
    ...descriptorDifference(before, after),
  ];
}

/**
 * CLEAN: waits until nothing is left of what was done since `before`.
 * @param boundMs 3000 after a graceful stop; expiry + 5 s after a kill
 * @returns what is still left when the bound has passed; empty = clean
 */
export async function leftBehind(lab: Lab, before: Snapshot, boundMs = 3000): Promise<string[]> {
  let difference: string[] = [];
  try {
    return await waitFor(
      "clean",
      boundMs,
      async () => {
        difference = snapshotDifference(before, await takeSnapshot(lab));
        return difference.length === 0 ? difference : undefined;
      },
      100,
    );
  } catch (error) {
    if (error instanceof WaitedTooLong && difference.length > 0) return difference;
    throw error;
  }
}
