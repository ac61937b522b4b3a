// SPDX-License-Identifier: Apache-2.0
import type { HostPort } from "@nsm/core";
import type { PortState, Watches } from "../watch/index.js";

/** Watches of a kernel in which only what the test says happens. */
export function fakeWatches() {
  const states = new Map<number, PortState>();
  const ports = new Map<number, Set<() => void>>();
  const namespaces = new Map<bigint, Set<() => void>>();
  const follow = <K>(followed: Map<K, Set<() => void>>, key: K, callback: () => void) => {
    const followers = followed.get(key) ?? new Set();
    const follower = () => callback();
    followed.set(key, followers.add(follower));
    return {
      close() {
        followers.delete(follower);
        if (followers.size === 0) followed.delete(key);
      },
    };
  };
  const watches: Watches = {
    followPort: ({ ifindex }: HostPort, onEvent) => follow(ports, ifindex, onEvent),
    portState: async ({ ifindex }) => states.get(ifindex) ?? "up",
    followNamespace: (ino, onEnded) => follow(namespaces, ino, onEnded),
    statistics: () => ({ ports: ports.size, namespaces: namespaces.size }),
  };
  return {
    watches,
    /** Indexes of the followed ports. */
    followedPorts: () => [...ports.keys()],
    followedNamespaces: () => [...namespaces].map(([ino, { size }]) => [Number(ino), size]),
    /** The port is in that state from now on, and an event tells of it. */
    becomes(ifindex: number, state: PortState) {
      states.set(ifindex, state);
      for (const onEvent of [...(ports.get(ifindex) ?? [])]) onEvent();
    },
    /** As `becomes`, before anybody followed. */
    was: (ifindex: number, state: PortState) => void states.set(ifindex, state),
    ends(ino: number) {
      for (const onEnded of [...(namespaces.get(BigInt(ino)) ?? [])]) onEnded();
    },
  };
}
