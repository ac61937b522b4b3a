// SPDX-License-Identifier: Apache-2.0
import { type Context, type HostPort, onAbort } from "@nsm/core";
import {
  type LinkEvent,
  type Netns,
  type RouteSocket,
  type TimerFunctions,
  watchLinks,
  watchNamespaces,
} from "@nsm/linux";
import type { Following, PortState, Watches } from "./watches.js";

/**
 * Follows links of the forwarder's namespace by the kernel's events (rtnetlink multicast), and pods' namespaces by
 * their processes (pidfd). Costs one socket, and one descriptor per namespace.
 * @param ctx lifetime and clock
 * @param route rtnetlink of that namespace
 * @param netns default: the own one
 * @throws LinuxError EMFILE, EPERM when events cannot be had
 */
export function kernelWatches(ctx: Context, route: RouteSocket, netns?: Netns): Watches {
  const timers: TimerFunctions = { setTimeout: (run, delayMs) => ctx.clock.setTimeout(run, delayMs, true) };
  const ports = new Map<number, Set<() => void>>();
  const tell = (ifindex: number): void => {
    for (const onEvent of [...(ports.get(ifindex) ?? [])]) onEvent();
  };
  const onEvent = (event: LinkEvent): void => {
    if (event.type === "link" || event.type === "link-removed") tell(event.link.index);
    // Some were lost: everybody looks for himself
    else if (event.type === "overrun") for (const ifindex of [...ports.keys()]) tell(ifindex);
  };
  const wanted = (ifindex: number): boolean => ports.has(ifindex);
  const links = watchLinks({ timers, onEvent, wanted, ...(netns && { netns }) });
  const namespaces = watchNamespaces({ timers });
  onAbort(ctx.signal, () => {
    links.close();
    namespaces.close();
  });
  return {
    followPort: ({ ifindex }, onEvent) => follow(ports, ifindex, onEvent),
    portState: (port) => portState(route, port),
    followNamespace: (ino, onEnded) => namespaces.follow(ino, onEnded),
    statistics() {
      const { namespaces: followed, processes } = namespaces.statistics();
      return { ports: ports.size, namespaces: followed, processes };
    },
  };
}

function follow(ports: Map<number, Set<() => void>>, ifindex: number, onEvent: () => void): Following {
  const followers = ports.get(ifindex) ?? new Set();
  const follower = (): void => onEvent(); // one function may follow twice
  ports.set(ifindex, followers.add(follower));
  return {
    close() {
      followers.delete(follower);
      if (followers.size === 0 && ports.get(ifindex) === followers) ports.delete(ifindex);
    },
  };
}

async function portState(route: RouteSocket, { ifindex, name }: HostPort): Promise<PortState> {
  const link = await route.linkGet(ifindex);
  if (link?.name !== name) return "gone"; // the index may be another link's by now
  return link.up && link.lowerUp ? "up" : "down";
}
