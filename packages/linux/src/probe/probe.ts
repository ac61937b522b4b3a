// SPDX-License-Identifier: Apache-2.0
import { randomBytes, randomInt } from "node:crypto";
import type { Netns } from "../netns/index.js";
import { openRouteSocket, type RouteSocket } from "../route/index.js";
import { hasCode } from "../syscall/index.js";

/** Whether the kernel let us do something, and if not, why. */
export type Capability = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** What links and cross connects can be made of here. */
export interface KernelCapabilities {
  readonly veth: Capability;
  /** VXLAN devices, also whether one can go up on the given UDP port beside what uses it already. */
  readonly vxlan: Capability;
  readonly bridge: Capability;
  /** Ingress discipline, `u32` filter and `mirred` action: cross connects. Needs veth. */
  readonly redirect: Capability;
}

/** Where and what to try. */
export interface ProbeOptions {
  /** Default: the own namespace, where links with random names `nsmp…` appear for some milliseconds. */
  readonly netns?: Netns;
  /** UDP port of VXLAN. Default: 4789. */
  readonly vxlanPort?: number;
}

/**
 * Finds out what this kernel and our permissions allow by making everything once and deleting it again. Nothing is
 * left behind; a missing capability is a result, not an error.
 * @throws LinuxError only when no rtnetlink socket can be opened at all
 */
export async function probeKernel({
  netns,
  vxlanPort = 4789,
}: ProbeOptions = {}): Promise<KernelCapabilities> {
  const route = openRouteSocket(netns);
  const name = `nsmp${randomBytes(4).toString("hex")}`;
  const other = `${name}b`;
  try {
    return {
      veth: await attempt(route, name, () => route.linkAdd({ kind: "veth", name, peer: { name: other } })),
      vxlan: await attempt(route, name, () => tryVxlan(route, name, vxlanPort)),
      bridge: await attempt(route, name, () => route.linkAdd({ kind: "bridge", name })),
      redirect: await attempt(route, name, () => tryRedirect(route, name, other)),
    };
  } finally {
    route.close();
  }
}

async function attempt(route: RouteSocket, name: string, run: () => Promise<void>): Promise<Capability> {
  try {
    await run();
    return { ok: true };
  } catch (error) {
    if (!hasCode(error)) throw error;
    return { ok: false, reason: (error as Error).message };
  } finally {
    // Without permission to make links there is nothing to delete, and deleting is refused
    await route.linkDelete(name).catch(() => false);
  }
}

async function tryVxlan(route: RouteSocket, name: string, port: number): Promise<void> {
  // Addresses for documentation (RFC 5737); a random VNI hardly meets one in use
  const tunnel = { vni: randomInt(1, 1 << 24), port, remote: "192.0.2.1", local: "192.0.2.2" };
  await route.linkAdd({ kind: "vxlan", name, ...tunnel });
  await route.linkSet(name, { up: true, ipv6AddressGeneration: "none" });
}

async function tryRedirect(route: RouteSocket, name: string, other: string): Promise<void> {
  await route.linkAdd({ kind: "veth", name, peer: { name: other } });
  const [from, to] = [await route.linkGet(name), await route.linkGet(other)];
  await route.ingressAdd(from?.index ?? 0);
  await route.redirectReplace(from?.index ?? 0, to?.index ?? 0);
}
