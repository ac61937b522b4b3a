// SPDX-License-Identifier: Apache-2.0
import { type Pod, withRouteSocket } from "@nsm/lab";

const MAIN_TABLE = 254;
const RT_SCOPE_LINK = 253;

/** What connections have in a pod. */
export interface PodLinks {
  readonly pod: Pod;
  /** Aliases of our links, `server-<id>` or `client-<id>`. */
  readonly aliases: readonly string[];
  readonly addresses: readonly string[];
  /** Where their routes lead: the addresses of the other ends. */
  readonly peers: readonly string[];
}

/** What appears more than once. */
export function repeated(items: readonly string[]): string[] {
  return [...new Set(items.filter((item, i) => items.indexOf(item) !== i))];
}

/** Reads a pod's kernel; undefined when the pod is gone. */
export async function linksOf(pod: Pod): Promise<PodLinks | undefined> {
  if (!pod.holder.alive) return undefined;
  return await withRouteSocket(pod.holder.netnsPath, async (route) => {
    const links = (await route.links()).filter(({ alias }) => /^(server|client)-/.test(alias ?? ""));
    const indexes = links.map(({ index }) => index);
    const addresses = (await route.addresses()).filter(
      ({ linkIndex, scope }) => scope === 0 && indexes.includes(linkIndex),
    );
    const peers = (await route.routes({ table: MAIN_TABLE })).filter(
      ({ linkIndex, scope }) => scope === RT_SCOPE_LINK && indexes.includes(linkIndex ?? 0),
    );
    return {
      pod,
      aliases: links.map(({ alias }) => alias ?? ""),
      addresses: addresses.map(({ address }) => address),
      peers: peers.map(({ destination }) => destination),
    };
  });
}

/** Every endpoint has a pool of its own, so that no two clients may have the same address. */
export function sharedByClients(clients: readonly PodLinks[]): string[] {
  return repeated(clients.flatMap(({ addresses }) => addresses)).map((address) => {
    const owners = clients.filter(({ addresses }) => addresses.includes(address));
    return `${address} belongs to ${owners.map(({ pod }) => pod.name).join(" and ")}`;
  });
}
