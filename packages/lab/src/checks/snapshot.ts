// SPDX-License-Identifier: Apache-2.0
import { readdir, readlink } from "node:fs/promises";
import { neighbourState, type RouteSocket } from "@nsm/linux";
import type { Lab } from "../world/lab.js";
import { NSM_DIRECTORY } from "../world/paths.js";
import { withRouteSocket } from "../world/underlay.js";

/** Everything of a lab that a connection may leave behind, as sorted lines per place; indexes are left out. */
export interface Snapshot {
  /** Links, addresses, routes, rules, permanent neighbours, filters: by namespace. */
  readonly kernel: Readonly<Record<string, readonly string[]>>;
  /** Names registered, as the registry knows them. */
  readonly registrations: readonly string[];
  /** Connection ids by manager, forwarder. */
  readonly connections: Readonly<Record<string, readonly string[]>>;
  /** Descriptors by process and kind. */
  readonly descriptors: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Process ids by process: another one means that it was started again. */
  readonly pids: Readonly<Record<string, number>>;
  /** Files in each node's socket directory. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

async function kernelLines(route: RouteSocket): Promise<string[]> {
  const links = await route.links();
  const name = (index: number | undefined): string =>
    links.find((link) => link.index === index)?.name ?? `#${index}`;
  const lines = links.map((link) => `link ${link.name} ${link.kind ?? ""} ${link.alias ?? ""}`);
  for (const a of await route.addresses()) lines.push(`address ${name(a.linkIndex)} ${a.address}`);
  for (const r of await route.routes()) {
    // Routes to multicast and local addresses come and go with the kernel's own housekeeping
    if (r.table === 255) continue;
    lines.push(`route table ${r.table} ${r.destination} via ${r.gateway ?? "-"} dev ${name(r.linkIndex)}`);
  }
  for (const rule of await route.rules()) lines.push(`rule ${JSON.stringify(rule)}`);
  for (const n of await route.neighbours()) {
    if (n.state === neighbourState.PERMANENT)
      lines.push(`neighbour ${name(n.linkIndex)} ${n.ip} ${n.macAddress ?? ""}`);
  }
  for (const link of links) {
    for (const filter of await route.ingressFilters(link.index)) {
      lines.push(`filter ${link.name} -> ${name(filter.redirectTo)}`);
    }
  }
  return lines.sort();
}

const kindOf = (target: string): string =>
  target
    .replace(/:\[\d+\].*$/, "")
    .replace(/^anon_inode:/, "anon_inode ")
    .replace(/^\/.*/, "file");

/** Open descriptors of a process by kind: `net`, `socket`, `pipe`, `anon_inode …`, `file`. */
export async function descriptorsByKind(pid: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => undefined);
    if (target === undefined) continue;
    const kind = kindOf(target);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Takes a snapshot of everything that runs. */
export async function takeSnapshot(lab: Lab): Promise<Snapshot> {
  const kernel: Record<string, string[]> = {};
  const connections: Record<string, string[]> = {};
  const descriptors: Record<string, Record<string, number>> = {};
  const files: Record<string, string[]> = {};
  for (const node of lab.nodes) {
    for (const place of [node, ...node.pods.values()].filter(({ holder }) => holder.alive)) {
      kernel[place.name] = await withRouteSocket(place.holder.netnsPath, kernelLines);
    }
    if (node.daemons.get("nsmgr")?.running) {
      connections[`nsmgr ${node.name}`] = Object.keys(await lab.probe.connections(node.nsmgrUrl)).sort();
    }
    if (node.daemons.get("forwarder")?.running) {
      const url = new URL(`unix://${node.holder.path(`${NSM_DIRECTORY}/forwarder.sock`)}`);
      connections[`forwarder ${node.name}`] = Object.keys(await lab.probe.connections(url)).sort();
    }
    files[node.name] = (await readdir(node.holder.path(NSM_DIRECTORY), { recursive: true })).sort();
  }
  const pids: Record<string, number> = {};
  for (const process of lab.processes.filter(({ running }) => running)) {
    descriptors[process.name] = await descriptorsByKind(process.pid);
    pids[process.name] = process.pid;
  }
  const endpoints = await lab.probe.endpoints(lab.registryUrl);
  const registrations = endpoints.map(({ name }) => name).sort();
  return { kernel, connections, descriptors, pids, files, registrations };
}
