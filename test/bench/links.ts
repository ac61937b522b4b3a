// SPDX-License-Identifier: Apache-2.0
import { netlinkStatistics, openNetns, openRouteSocket, type RouteSocket } from "@nsm/linux";

/** Links of one connection, built without a mesh. */
export interface LinksFloor {
  readonly eachMs: readonly number[];
  /** Requests to the kernel per connection. */
  readonly messages: number;
  /** Time in them per connection, milliseconds. */
  readonly kernelMs: number;
}

/** The kernel waits tens of milliseconds in each deletion, on a thread of its own. */
const DELETED_AT_ONCE = 16;

interface Side {
  readonly netnsPath: string;
  readonly hostName: string;
  readonly podName: string;
  readonly own: string;
  readonly peer: string;
}

/** One end of a connection: link, addresses, route. @returns the index outside the pod */
async function plug(route: RouteSocket, { netnsPath, hostName, podName, own, peer }: Side): Promise<number> {
  const netns = openNetns(netnsPath);
  try {
    const pod = openRouteSocket(netns);
    try {
      await route.linkAdd({ kind: "veth", name: hostName, peer: { name: podName, netns } });
      await route.linkSet(hostName, { alias: `floor ${hostName}`, ipv6AddressGeneration: "none" });
      await pod.linkSet(podName, { alias: `floor ${podName}`, up: true });
      await route.linkSet(hostName, { up: true });
      const inside = await pod.linkGet(podName);
      const outside = await route.linkGet(hostName);
      if (inside === undefined || outside === undefined) throw new Error(`${hostName} vanished`);
      await pod.addressReplace(inside.index, own);
      await pod.routeReplace({ destination: peer, linkIndex: inside.index, linkScope: true });
      return outside.index;
    } finally {
      pod.close();
    }
  } finally {
    netns.close();
  }
}

async function redirect(route: RouteSocket, from: number, to: number): Promise<void> {
  await route.ingressAdd(from);
  await route.redirectReplace(from, to);
}

/**
 * Builds the links that the forwarder builds for a connection inside a node, with the same requests to the kernel,
 * one connection after the other, and removes them afterwards.
 * @param pods paths of two network namespaces
 */
export async function linksFloor(
  pods: readonly [client: string, endpoint: string],
  warmUp: number,
  count: number,
): Promise<LinksFloor> {
  const route = openRouteSocket();
  const made: string[] = [];
  const build = async (number: number): Promise<void> => {
    const [own, peer] = [2 * number, 2 * number + 1].map((n) => `172.17.${n >> 8}.${n & 255}/32`);
    const side = (name: string, netnsPath: string, ownIp = "", peerIp = ""): Side => ({
      netnsPath,
      hostName: `fl-${name}-${number}`,
      podName: `floor-${number}`,
      own: ownIp,
      peer: peerIp,
    });
    const client = side("c", pods[0], own, peer);
    const endpoint = side("e", pods[1], peer, own);
    made.push(client.hostName, endpoint.hostName);
    const [a, b] = [await plug(route, client), await plug(route, endpoint)];
    await redirect(route, a, b);
    await redirect(route, b, a);
  };
  try {
    for (let n = 0; n < warmUp; n++) await build(n);
    const before = { ...netlinkStatistics };
    const eachMs: number[] = [];
    for (let n = warmUp; n < warmUp + count; n++) {
      const startMs = performance.now();
      await build(n);
      eachMs.push(performance.now() - startMs);
    }
    return {
      eachMs,
      messages: (netlinkStatistics.messages - before.messages) / count,
      kernelMs: (netlinkStatistics.nanoseconds - before.nanoseconds) / count / 1e6,
    };
  } finally {
    const remove = async (): Promise<void> => {
      for (let name = made.pop(); name !== undefined; name = made.pop()) await route.linkDelete(name);
    };
    await Promise.all(Array.from({ length: DELETED_AT_ONCE }, remove));
    route.close();
  }
}
