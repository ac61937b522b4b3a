// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";
import { daemonCounts, type Lab, type LabProcess } from "@nsm/lab";
import { cpuMs, type Percentiles, percentiles, residentMiB } from "./figures.js";
import { type Answer, give, type Order } from "./orders.js";
import type { Rows } from "./rows.js";

const SETTLE_MS = 1000;
/** Connections opened, refreshed and closed before times are taken: V8 optimizes only what has run often. */
const WARM_UP = 500;
const WARM_UP_IN_FLIGHT = 8;
/** Connections that are open at the same time when memory is measured. */
const LIVE = 100;

/** What the floors are compared with. */
export interface MeshFigures {
  readonly request: Percentiles;
  readonly refresh: Percentiles;
  readonly kernelMs: number;
}

/** The node that is measured. */
export interface Mesh {
  readonly lab: Lab;
  readonly load: LabProcess;
  /** The load client comes last. */
  readonly processes: readonly LabProcess[];
}

/** An order with what it cost: processor time over all processes, by process, and the forwarder's kernel work. */
interface Cost {
  readonly answer: Answer;
  readonly cpuMs: number;
  readonly cpuBy: Readonly<Record<string, number>>;
  readonly messages: number;
  readonly kernelMs: number;
}

async function forwarderTotals(lab: Lab): Promise<{ messages: number; nanoseconds: number }> {
  const counts = (await daemonCounts(lab))[`forwarder-${lab.node(1).name}`] ?? {};
  return {
    messages: counts["totals.netlink.messages"] ?? Number.NaN,
    nanoseconds: counts["totals.netlink.nanoseconds"] ?? Number.NaN,
  };
}

/** Carries out an order. @returns figures per operation */
async function measured({ lab, load, processes }: Mesh, order: Order): Promise<Cost> {
  const kernelBefore = await forwarderTotals(lab);
  const before = processes.map(({ pid }) => cpuMs(pid));
  const answer = await give(load, order);
  const each = processes.map(({ pid }, i) => (cpuMs(pid) - (before[i] ?? 0)) / order.count);
  const kernel = await forwarderTotals(lab);
  return {
    answer,
    cpuMs: each.reduce((sum, ms) => sum + ms, 0),
    cpuBy: Object.fromEntries(processes.map(({ name }, i) => [name, each[i] ?? Number.NaN])),
    messages: (kernel.messages - kernelBefore.messages) / order.count,
    kernelMs: (kernel.nanoseconds - kernelBefore.nanoseconds) / order.count / 1e6,
  };
}

/** Times, processor time and kernel work of connections one after the other. */
export async function serial(mesh: Mesh, rows: Rows, count: number): Promise<MeshFigures> {
  rows.group(`one after the other, ${count} of each`);
  for (const operation of ["open", "refresh", "close"] as const) {
    await give(mesh.load, { operation, count: WARM_UP, inFlight: WARM_UP_IN_FLIGHT });
  }
  await delay(SETTLE_MS);
  const opened = await measured(mesh, { operation: "open", count, inFlight: 1 });
  const refreshed = await measured(mesh, { operation: "refresh", count, inFlight: 1 });
  const closed = await measured(mesh, { operation: "close", count, inFlight: 1 });
  const request = percentiles(opened.answer.eachMs);
  const refresh = percentiles(refreshed.answer.eachMs);
  const close = percentiles(closed.answer.eachMs);
  rows.add("new connection p50", request.p50, "ms", "<= 20");
  rows.add("new connection p95", request.p95, "ms", "<= 40");
  rows.add("refresh p50", refresh.p50, "ms", "<= 8");
  rows.add("refresh p95", refresh.p95, "ms");
  rows.add("close p50", close.p50, "ms");
  rows.add("close p95", close.p95, "ms");
  rows.group("work per operation");
  rows.add("CPU of a new connection, all processes", opened.cpuMs, "ms", "<= 15");
  for (const [name, ms] of Object.entries(opened.cpuBy)) rows.add(`  ${name}`, ms, "ms");
  rows.add("CPU of a refresh, all processes", refreshed.cpuMs, "ms");
  rows.add("CPU of a close, all processes", closed.cpuMs, "ms");
  rows.add("netlink requests of a new connection", opened.messages, "", "<= 60");
  rows.add("time in them", opened.kernelMs, "ms", "<= 5");
  rows.add("netlink requests of a refresh", refreshed.messages, "");
  rows.add("netlink requests of a close", closed.messages, "");
  return { request, refresh, kernelMs: opened.kernelMs };
}

const budgets: Readonly<Record<number, { rate: string; p50: string }>> = {
  8: { rate: ">= 80", p50: "<= 80" },
};

/** Connections per second with several in flight. */
export async function throughput({ load }: Mesh, rows: Rows, count: number): Promise<void> {
  rows.group(`several in flight, ${count} new connections`);
  for (const inFlight of [1, 8, 64]) {
    const { eachMs, totalMs } = await give(load, { operation: "open", count, inFlight });
    const budget = budgets[inFlight];
    rows.add(`${inFlight} in flight: connections`, (count / totalMs) * 1000, "/s", budget?.rate);
    rows.add(`${inFlight} in flight: new connection p50`, percentiles(eachMs).p50, "ms", budget?.p50);
    await give(load, { operation: "close", count, inFlight: 8 });
    await delay(SETTLE_MS);
  }
}

/** Memory of processes that have just started and with connections. */
export async function memory({ load, processes }: Mesh, rows: Rows): Promise<void> {
  rows.group("resident memory");
  await delay(SETTLE_MS);
  const idle = processes.map(({ pid }) => residentMiB(pid));
  await give(load, { operation: "open", count: LIVE, inFlight: 1 });
  await delay(SETTLE_MS);
  for (const [i, { name, pid }] of processes.entries()) {
    const isDaemon = i < processes.length - 2;
    rows.add(`${name} just started`, idle[i] ?? Number.NaN, "MiB", isDaemon ? "<= 72" : undefined);
    rows.add(`${name} with ${LIVE} connections`, residentMiB(pid), "MiB");
  }
  await give(load, { operation: "close", count: LIVE, inFlight: 4 });
  await delay(SETTLE_MS);
}
