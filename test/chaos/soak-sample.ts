// SPDX-License-Identifier: Apache-2.0
import { daemonCounts, takeSnapshot } from "@nsm/lab";
import type { Mesh } from "./mesh.js";
import { pass } from "./mesh-run.js";

/** Time for collecting garbage after the signal that asks for it. */
const COLLECT_MS = 1000;
const MIB = 2 ** 20;

const ofKind = (lines: readonly string[], kind: string): number =>
  lines.filter((line) => line.startsWith(`${kind} `)).length;

/**
 * What SOAK-1 samples: `<process> descriptors|rssMiB|heapMiB|timers`, `<namespace> links|addresses|routes|rules`,
 * `<daemon> connections`, `registry registrations`. The heap is collected before (the daemons run the preload).
 */
export async function takeSample(mesh: Mesh): Promise<Record<string, number>> {
  const { lab } = mesh;
  for (const process of lab.processes) if (process.running) process.signal("SIGWINCH");
  await pass(COLLECT_MS);
  const sample: Record<string, number> = {};
  const snapshot = await takeSnapshot(lab);
  for (const [name, kinds] of Object.entries(snapshot.descriptors)) {
    sample[`${name} descriptors`] = Object.values(kinds).reduce((sum, count) => sum + count, 0);
  }
  for (const [name, counts] of Object.entries(await daemonCounts(lab))) {
    sample[`${name} rssMiB`] = (counts["memoryBytes.rss"] ?? 0) / MIB;
    sample[`${name} heapMiB`] = (counts["memoryBytes.heapUsed"] ?? 0) / MIB;
    sample[`${name} timers`] = counts.timers ?? 0;
  }
  for (const [place, lines] of Object.entries(snapshot.kernel)) {
    for (const kind of ["link", "route", "rule"]) sample[`${place} ${kind}s`] = ofKind(lines, kind);
    sample[`${place} addresses`] = ofKind(lines, "address");
  }
  for (const [daemon, ids] of Object.entries(snapshot.connections))
    sample[`${daemon} connections`] = ids.length;
  sample["registry registrations"] = snapshot.registrations.length;
  return sample;
}
