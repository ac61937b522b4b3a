// SPDX-License-Identifier: Apache-2.0
import {
  type DaemonCounts,
  daemonCounts,
  type Lab,
  type LabProcess,
  leftBehind,
  mustRun,
  type Scenario,
  type Snapshot,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { CYCLES_DONE } from "./client.js";

/** What is run. */
export interface CyclesOptions {
  /** Measured cycles. */
  readonly count: number;
  /** Client and endpoint on two nodes. */
  readonly remote: boolean;
  /** Script of the client. */
  readonly clientScript: string;
}

const WARM_UP = 5;
const IDENTITY_TTL_MS = 24 * 3_600_000;
const CYCLE_BOUND_MS = 2000;

interface Run {
  readonly cycles: number;
  readonly connectMs: { readonly p50: number; readonly p95: number };
}

/** Runs some cycles in the client and waits for their end. */
async function cycle(client: LabProcess, count: number): Promise<Run> {
  const runs = (): Run[] =>
    client
      .log()
      .split("\n")
      .filter((line) => line.includes(CYCLES_DONE))
      .map((line) => JSON.parse(line) as Run);
  const former = runs().length;
  client.send(String(count));
  return await waitFor(
    `${count} cycles`,
    10_000 + count * CYCLE_BOUND_MS,
    () => {
      mustRun(client);
      return runs()[former];
    },
    100,
  );
}

/** Counts that must be the same again: not of the memory, nor of what Node itself keeps. */
const isCompared = (name: string): boolean => /^(timers$|transport\.|daemon\.)/.test(name);

/** Counts that grew, as lines. */
function grown(before: Record<string, DaemonCounts>, after: Record<string, DaemonCounts>): string[] {
  return Object.entries(after).flatMap(([process, counts]) =>
    Object.entries(counts).flatMap(([name, count]) => {
      const former = before[process]?.[name] ?? 0;
      return isCompared(name) && count > former ? [`${process}: ${name} was ${former}, is ${count}`] : [];
    }),
  );
}

const count = (kind: string, lines: readonly string[] = []): number =>
  lines.filter((line) => line.startsWith(`${kind} `)).length;

/** Descriptors of every process by kind, before and after. */
const descriptorFigures = (before: Snapshot, after: Snapshot): string[] =>
  Object.entries(after.descriptors).map(([name, kinds]) => {
    const former = before.descriptors[name] ?? {};
    const changes = Object.keys({ ...former, net: 0, ...kinds }).map(
      (kind) => `${kind.replace("anon_inode ", "")} ${former[kind] ?? 0} -> ${kinds[kind] ?? 0}`,
    );
    return `${name}: ${changes.join(", ")}`;
  });

/** Links, routes … of every namespace, before and after. */
const kernelFigures = (before: Snapshot, after: Snapshot): string[] =>
  Object.entries(after.kernel).map(([place, lines]) => {
    const changes = ["link", "address", "route", "rule", "neighbour", "filter"].map(
      (kind) => `${kind} ${count(kind, before.kernel[place])} -> ${count(kind, lines)}`,
    );
    return `${place}: ${changes.join(", ")}`;
  });

const rssMiB = (counts: DaemonCounts | undefined): number =>
  Math.round((counts?.["memoryBytes.rss"] ?? Number.NaN) / 2 ** 20);

const memoryFigures = (before: Record<string, DaemonCounts>, after: Record<string, DaemonCounts>): string =>
  Object.keys(after)
    .map((name) => `${name} ${rssMiB(before[name])} -> ${rssMiB(after[name])} MiB`)
    .join(", ");

/** Starts everything; @returns the client, waiting for its orders. */
async function prepare(lab: Lab, { remote, clientScript }: CyclesOptions): Promise<LabProcess> {
  await lab.startControlPlane();
  const endpointNode = lab.node(remote ? 2 : 1);
  const endpoint = await endpointNode.addPod("nse-1");
  const nse = endpoint.startNse({
    NSM_SERVICE_NAMES: "icmp-responder",
    NSM_CIDR_PREFIX: "172.16.1.0/24",
    NSM_UNREGISTER_ITSELF: "true",
  });
  await lab.probe.registered(nse, endpointNode.nsmgrUrl, "nse-1");
  const pod = await lab.node(1).addPod("nsc-1");
  return pod.start({
    script: clientScript,
    takesLines: true,
    env: {
      NSM_NETWORK_SERVICES: "kernel://icmp-responder/nsm-1",
      NSM_LOG_FORMAT: "json",
      NSM_CYCLING_CLIENT: "true",
    },
  });
}

/** Connect/close cycles leave everything as the warm-up left it. */
export const cycles = (options: CyclesOptions): Scenario => ({
  id: "CYCLES",
  title: `${options.count} connect/close cycles ${options.remote ? "over two nodes" : "on one node"} leave nothing behind`,
  nodes: options.remote ? 2 : 1,
  // no rotation on the way: it leaves channels of before open for those who hold them
  identity: { svidTtlMs: IDENTITY_TTL_MS },
  async run(lab, run) {
    const client = await prepare(lab, options);
    await cycle(client, WARM_UP);
    const snapshot = await takeSnapshot(lab);
    const counts = await daemonCounts(lab);
    const startMs = performance.now();
    const { connectMs } = await cycle(client, options.count);
    const perCycleMs = (performance.now() - startMs) / options.count;
    const left = await leftBehind(lab, snapshot);
    const after = await takeSnapshot(lab);
    const countsAfter = await daemonCounts(lab);
    const figure = (ms: number): string => `${ms.toFixed(1)} ms`;
    run.note(
      `${figure(perCycleMs)} per cycle; connect p50 ${figure(connectMs.p50)}, p95 ${figure(connectMs.p95)}`,
    );
    for (const line of [...descriptorFigures(snapshot, after), ...kernelFigures(snapshot, after)])
      run.note(line);
    run.note(`memory: ${memoryFigures(counts, countsAfter)}`);
    const problems = [...left, ...grown(counts, countsAfter)];
    if (problems.length > 0) throw new Error(`left behind:\n${problems.join("\n")}`);
  },
});
