// SPDX-License-Identifier: Apache-2.0
import { request } from "node:http";
import { json } from "node:stream/consumers";
import type { Lab } from "../world/lab.js";
import type { LabProcess } from "../world/lab-process.js";
import type { NamespaceHolder } from "../world/namespace-holder.js";
import { debugSocket } from "../world/paths.js";

/** What a daemon counts of itself: `timers`, `transport.<what>`, `daemon.<what>`, `memoryBytes.<what>` … */
export type DaemonCounts = Readonly<Record<string, number>>;

/** Leaves of a report by their path, joined with dots. */
export function flattenCounts(report: object, prefix = ""): DaemonCounts {
  return Object.fromEntries(
    Object.entries(report).flatMap(([name, value]: [string, unknown]) => {
      if (typeof value === "number") return [[`${prefix}${name}`, value]];
      return typeof value === "object" && value !== null
        ? Object.entries(flattenCounts(value, `${prefix}${name}.`))
        : [];
    }),
  );
}

async function report(socketPath: string): Promise<DaemonCounts> {
  const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    request({ socketPath, path: "/", agent: false }, resolve).on("error", reject).end();
  });
  return flattenCounts((await json(response)) as object);
}

/** Asks one process of a pod or node for its counts, over `NSM_DEBUG_LISTEN_ON`. */
export async function processCounts(holder: NamespaceHolder, name: string): Promise<DaemonCounts> {
  return await report(holder.path(debugSocket(name)));
}

/** Asks every running daemon and workload for its counts, over `NSM_DEBUG_LISTEN_ON`. */
export async function daemonCounts(lab: Lab): Promise<Record<string, DaemonCounts>> {
  const places = lab.nodes.flatMap((node): [NamespaceHolder, LabProcess][] => [
    ...[...node.daemons.values()].map((daemon): [NamespaceHolder, LabProcess] => [node.holder, daemon]),
    ...[...node.pods.values()].flatMap((pod) =>
      pod.processes.map((process): [NamespaceHolder, LabProcess] => [pod.holder, process]),
    ),
  ]);
  const counts: Record<string, DaemonCounts> = {};
  for (const [holder, { name, running }] of places) {
    if (running) counts[name] = await processCounts(holder, name);
  }
  return counts;
}
