// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release } from "node:os";

/** Middle and slow end of some times, milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
}

/** The value that a share of all values does not exceed; NaN of none. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const percentiles = (values: readonly number[]): Percentiles => ({
  p50: median(values),
  p95: percentile(values, 0.95),
});

/** Clock ticks per second of `/proc/<pid>/stat`: 100 on every architecture that Node runs on (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** User and system time of a process and all its threads since its start, milliseconds (proc_pid_stat(5)). */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The command's name may hold blanks; what follows its bracket starts with field 3
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000;
}

/** Resident memory of a process, MiB (proc_pid_status(5), VmRSS). */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/** Load averages of one, five and fifteen minutes. */
const loadAverage = (): string => readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 3).join(" ");

/**
 * What figures depend on.
 * @param before what this told at the start of the run
 */
export const machine = (
  before: Readonly<Record<string, string | number>> = {},
): Readonly<Record<string, string | number>> => ({
  processor: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  kernel: release(),
  node: process.version,
  "load average before": before["load average after"] ?? loadAverage(),
  "load average after": loadAverage(),
});
