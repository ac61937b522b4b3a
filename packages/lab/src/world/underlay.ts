// SPDX-License-Identifier: Apache-2.0
import { type Netns, openNetns, openRouteSocket, type RouteSocket } from "@nsm/linux";

/** Addresses of a domain's nodes: `10.<domain>.0.<node>/24`, 1-based; the lab itself is .254. */
export const nodeAddress = (domain: number, node: number): string => `10.${domain}.0.${node}`;

/** Runs `work` with a netlink socket of a namespace; both are closed afterwards, so that nothing pins the namespace. */
export async function withRouteSocket<T>(
  netnsPath: string,
  work: (socket: RouteSocket, netns: Netns) => Promise<T>,
): Promise<T> {
  const netns = openNetns(netnsPath);
  try {
    const socket = openRouteSocket(netns);
    try {
      return await work(socket, netns);
    } finally {
      socket.close();
    }
  } finally {
    netns.close();
  }
}

/** The physical network of one domain: a bridge in the lab's own namespace, a cable to each node. */
export interface Fabric {
  readonly domain: number;
  readonly bridge: string;
}

/** Makes the bridge; the lab gets an address on it to reach the daemons' TCP sockets. */
export async function makeFabric(domain: number): Promise<Fabric> {
  const bridge = `fabric-${domain}`;
  const route = openRouteSocket();
  try {
    await route.linkSet("lo", { up: true });
    await route.linkAdd({ kind: "bridge", name: bridge });
    await route.linkSet(bridge, { up: true });
    const link = await route.linkGet(bridge);
    if (!link) throw new Error(`${bridge} vanished`);
    await route.addressReplace(link.index, `${nodeAddress(domain, 254)}/24`);
  } finally {
    route.close();
  }
  return { domain, bridge };
}

const portName = (fabric: Fabric, node: number): string => `node-${fabric.domain}-${node}`;

/** Plugs a node in: `eth0` inside, MTU 1500, default route to the lab. */
export async function plugIn(fabric: Fabric, node: number, netnsPath: string): Promise<void> {
  const port = portName(fabric, node);
  const outside = openRouteSocket();
  try {
    await withRouteSocket(netnsPath, async (inside, netns) => {
      await outside.linkAdd({
        kind: "veth",
        name: port,
        mtuBytes: 1500,
        peer: { name: "eth0", mtuBytes: 1500, netns },
      });
      const bridge = await outside.linkGet(fabric.bridge);
      if (!bridge) throw new Error(`${fabric.bridge} vanished`);
      await outside.linkSet(port, { masterIndex: bridge.index, up: true });
      await inside.linkSet("lo", { up: true });
      await inside.linkSet("eth0", { up: true });
      const link = await inside.linkGet("eth0");
      if (!link) throw new Error("eth0 vanished");
      await inside.addressReplace(link.index, `${nodeAddress(fabric.domain, node)}/24`);
      await inside.routeReplace({
        destination: "0.0.0.0/0",
        gateway: nodeAddress(fabric.domain, 254),
        linkIndex: link.index,
      });
    });
  } finally {
    outside.close();
  }
}

/**
 * Takes a node's port off the bridge (K4): its packets are lost, no link goes down, nothing is closed.
 * @param node 1-based
 * @returns puts it back; repeatable
 */
export async function partition(fabric: Fabric, node: number): Promise<() => Promise<void>> {
  await joinBridge(portName(fabric, node), undefined);
  return () => joinBridge(portName(fabric, node), fabric.bridge);
}

async function joinBridge(port: string, bridge: string | undefined): Promise<void> {
  const route = openRouteSocket();
  try {
    const master = bridge === undefined ? undefined : await route.linkGet(bridge);
    await route.linkSet(port, { masterIndex: master?.index ?? 0 });
  } finally {
    route.close();
  }
}
