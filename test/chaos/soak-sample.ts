// SPDX-License-Identifier: Apache-2.0
import { daemonCounts, descriptorsByKind, type Lab, takeSnapshot } from "@nsm/lab";
import type { Mesh } from "./mesh.js";
import { pass } from "./mesh-run.js";

/** Time for collecting garbage after the signal that asks for it. */
const COLLECT_MS = 1000;
/** Busy processes collect late, and what calls allocate meanwhile is no growth. */
const COLLECTIONS = 3;
const MIB = 2 ** 20;
/** Looks at descriptors and the time between two; clients of one manager refresh all at once, which is over soon. */
const LOOKS = 5;
const LOOK_INTERVAL_MS = 300;

const ofKind = (lines: readonly string[], kind: string): number =>
  lines.filter((line) => line.startsWith(`${kind} `)).length;

/** Places of pods hold the ends of links that workloads see, those of nodes the forwarders' ends. */
const isPod = (place: string): boolean => !place.startsWith("node-");

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * What SOAK-1 samples. By process: `descriptors` (at rest), `rssMiB`, `heapMiB`, `surplusTimers` (beyond one per
 * connection that an endpoint holds, since clients move from one to another); the heap is collected before (the
 * daemons run the preload). Over all: `addresses` and `routes` of pods, `rules`, `registrations`, and how many
 * `surplusLinks` and `surplusConnections` there are beyond those of the clients' connections, of which remote ones
 * have more than local ones.
 */
export async function takeSample(mesh: Mesh): Promise<Record<string, number>> {
  const { lab } = mesh;
  const links = await mesh.links();
  const connected = mesh.clients.map((client) => ({
    client,
    endpoint: mesh.endpointOf(links.get(client.name)),
  }));
  const held = (name: string): number => connected.filter(({ endpoint }) => endpoint?.name === name).length;
  const sample: Record<string, number> = {};
  const snapshot = await takeSnapshot(lab);
  for (const [name, count] of await descriptorsAtRest(lab)) sample[`${name} descriptors`] = count;
  for (const [name, bytes] of await heapAtRest(lab)) sample[`${name} heapMiB`] = bytes / MIB;
  for (const [name, counts] of Object.entries(await daemonCounts(lab))) {
    sample[`${name} rssMiB`] = (counts["memoryBytes.rss"] ?? 0) / MIB;
    sample[`${name} surplusTimers`] = (counts.timers ?? 0) - held(name);
  }
  const remote = connected.filter(({ client, endpoint }) => endpoint?.node !== client.node).length;
  const local = mesh.clients.length - remote;
  const places = Object.entries(snapshot.kernel);
  const inAll = (kind: string, of: (place: string) => boolean = () => true): number =>
    sum(places.filter(([place]) => of(place)).map(([, lines]) => ofKind(lines, kind)));
  // lo everywhere, the uplink of nodes; a link has two ends, a tunnel one on each node
  const underlay = places.length + lab.nodes.length;
  sample["all surplusLinks"] = inAll("link") - underlay - 4 * local - 6 * remote;
  sample["all addresses"] = inAll("address", isPod);
  sample["all routes"] = inAll("route", isPod);
  sample["all rules"] = inAll("rule");
  sample["all registrations"] = snapshot.registrations.length;
  const connections = sum(Object.values(snapshot.connections).map(({ length }) => length));
  sample["all surplusConnections"] = connections - 2 * local - 4 * remote;
  return sample;
}

/** The least heap that each process has in several looks, each after its garbage was collected. */
async function heapAtRest(lab: Lab): Promise<Map<string, number>> {
  const least = new Map<string, number>();
  for (let look = 0; look < COLLECTIONS; look++) {
    for (const process of lab.processes) if (process.running) process.signal("SIGWINCH");
    await pass(COLLECT_MS);
    for (const [name, counts] of Object.entries(await daemonCounts(lab))) {
      const bytes = counts["memoryBytes.heapUsed"] ?? 0;
      least.set(name, Math.min(bytes, least.get(name) ?? bytes));
    }
  }
  return least;
}

/** The fewest descriptors that each process has in several looks: those that a call has for its time are left out. */
async function descriptorsAtRest(lab: Lab): Promise<Map<string, number>> {
  const fewest = new Map<string, number>();
  for (let look = 0; look < LOOKS; look++) {
    if (look > 0) await pass(LOOK_INTERVAL_MS);
    for (const { name, pid } of lab.processes.filter(({ running }) => running)) {
      const count = sum(Object.values(await descriptorsByKind(pid)));
      fewest.set(name, Math.min(count, fewest.get(name) ?? count));
    }
  }
  return fewest;
}
