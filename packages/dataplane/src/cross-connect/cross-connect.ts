// SPDX-License-Identifier: Apache-2.0
import { type HostPort, Scope } from "@nsm/core";
import type { RouteSocket } from "@nsm/linux";

/**
 * Joins two ports: every frame that enters one leaves through the other, in both directions, past iptables,
 * connection tracking and host routing (tc `u32` catch-all with a `mirred` redirect at ingress). Run again it
 * retargets a redirect whose target has another index now, and touches nothing when all is right.
 * It goes with the ports: deleting a link deletes its ingress discipline.
 * @throws LinuxError ENODEV when a port vanished; ENOENT when the kernel has no u32 or mirred. What this call added is
 * removed again.
 */
export async function crossConnect(route: RouteSocket, a: HostPort, b: HostPort): Promise<void> {
  const made = new Scope();
  try {
    await redirect(route, a, b, made);
    await redirect(route, b, a, made);
  } catch (error) {
    await made.run();
    throw error;
  }
}

async function redirect(route: RouteSocket, from: HostPort, to: HostPort, made: Scope): Promise<void> {
  const isNew = await route.ingressAdd(from.ifindex);
  if (isNew) made.add(async () => void (await route.ingressDelete(from.ifindex)));
  else if (await leadsTo(route, from, to)) return;
  await route.redirectReplace(from.ifindex, to.ifindex);
}

async function leadsTo(route: RouteSocket, from: HostPort, to: HostPort): Promise<boolean> {
  const [filter] = await route.ingressFilters(from.ifindex);
  return filter?.redirectTo === to.ifindex;
}
