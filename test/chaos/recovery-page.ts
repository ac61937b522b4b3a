// SPDX-License-Identifier: Apache-2.0
import { cpus } from "node:os";
import { PING_INTERVAL_MS } from "./recovery-bed.js";

/** What a fault is called and what it may cost. */
export interface FaultRow {
  readonly event: string;
  readonly bed: "local" | "remote";
  /** From when the repair of the control plane is counted. */
  readonly counted: string;
  /** Bounds; absent ones are not given. */
  readonly target: {
    /** Pings that may be lost. */
    readonly lost?: number;
    /** Longest gap. */
    readonly seconds?: number;
    /** From `counted` until the control plane is repaired. */
    readonly controlSeconds?: number;
  };
}

/** One measurement. */
export interface Measured {
  /** Pings without an answer. */
  readonly lost: number;
  /** Longest time without answers. */
  readonly seconds: number;
  readonly controlSeconds: number;
}

const spread = (values: readonly number[]): { min: number; median: number; max: number } => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number): number => sorted[i] ?? Number.NaN;
  return { min: at(0), median: at(Math.floor(sorted.length / 2)), max: at(sorted.length - 1) };
};

const text = (values: readonly number[], digits: number): string => {
  const { min, median, max } = spread(values);
  return [min, median, max].map((value) => value.toFixed(digits)).join(" / ");
};

const targetText = ({ lost, seconds, controlSeconds }: FaultRow["target"]): string =>
  [
    lost === undefined ? [] : [`${lost} lost`],
    seconds === undefined ? [] : [`< ${seconds} s lost`],
    controlSeconds === undefined ? [] : [`repaired < ${controlSeconds} s`],
  ]
    .flat()
    .join(", ");

/** Whether the worst measurement keeps the bounds. */
function keeps({ target, results }: FaultRow & { results: readonly Measured[] }): boolean {
  const worst = (of: (result: Measured) => number): number => Math.max(...results.map(of));
  return (
    results.length > 0 &&
    worst(({ lost }) => lost) <= (target.lost ?? Number.POSITIVE_INFINITY) &&
    worst(({ seconds }) => seconds) < (target.seconds ?? Number.POSITIVE_INFINITY) &&
    worst(({ controlSeconds }) => controlSeconds) < (target.controlSeconds ?? Number.POSITIVE_INFINITY)
  );
}

const HEADINGS = [
  "Event",
  "Where",
  "Lost pings",
  "Seconds without answers",
  "Seconds to repair",
  "Target",
  "Kept",
];

/** A Markdown table with columns of even width, as the formatter writes it; the first row is the heading. */
function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

/** The page, and the rows whose bounds were not kept. */
export function recoveryPage(
  rows: readonly (FaultRow & { readonly results: readonly Measured[] })[],
  rounds: number,
): { page: string; missed: string[] } {
  const table = rows.map((row) => {
    const { event, bed, counted, target, results } = row;
    const lost = text(
      results.map((result) => result.lost),
      0,
    );
    const seconds = text(
      results.map((result) => result.seconds),
      2,
    );
    const control = text(
      results.map((result) => result.controlSeconds),
      2,
    );
    const kept = keeps(row) ? "yes" : "**no**";
    return [event, bed, lost, seconds, `${control} after ${counted}`, targetText(target), kept];
  });
  const page = `# Recovery

What a connection loses when a part of the mesh dies, and how long the repair takes. Written by \`npm run chaos -- --recovery\`, which measures it anew.

A client pings its endpoint every ${PING_INTERVAL_MS} ms; another endpoint of the same service stands by (one that was itself started again within the last two seconds would let the client wait for the rest of them). Local: client and endpoints on one node. Remote: on two nodes, over VXLAN. The registry is on a third one. Daemons have their default settings. Every fault happens ${rounds} times, each after all was well again; figures are min / median / max. "Kept" looks at the worst of them.

- **Lost**: pings without an answer, and the longest time without answers in seconds. An outage shorter than ${PING_INTERVAL_MS} ms may lose no ping.
- **Repair**: until the restarted daemon holds the connection again, or the client is connected to the other endpoint, in seconds from what the column says.
- **K1**: SIGKILL of the process. **K2**: the pod is gone, with its network namespace. **K4**: the node's packets are lost, nothing is closed. Managers, forwarders and the registry have no network namespace of their own, so that their K2 is their K1.

${alignedTable([HEADINGS, ...table])}

Measured on ${cpus().length} cores (${(cpus()[0]?.model ?? "unknown").trim()}), Node.js ${process.versions.node}; all nodes share the machine.
`;
  const missed = rows.filter((row) => !keeps(row)).map(({ event, bed }) => `${event} (${bed})`);
  return { page, missed };
}
