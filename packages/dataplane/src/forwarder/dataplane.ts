// SPDX-License-Identifier: Apache-2.0
import type { Context, HostPort, MechanismDriver } from "@nsm/core";
import type { PodContexts } from "../connection-context/index.js";
import type { Announcer } from "../elements/index.js";
import type { HostLinks } from "../host-links/index.js";
import type { Watches } from "../watch/index.js";

/** The VXLAN mechanism and what peers must be told of this end. */
export interface VxlanTunnels {
  readonly driver: MechanismDriver;
  /** Own tunnel address. */
  readonly tunnelIp: string;
  /** UDP port listened on. */
  readonly port: number;
  /** Largest MTU that fits through, bytes. */
  readonly mtuBytes: number;
  /** Random numbers for the next VNI, uniform integers from 0 to 2^32 - 1; draws of free VNIs. */
  readonly randomUint32: () => number;
}

/** What a forwarder builds connections with. */
export interface Dataplane {
  readonly kernel: MechanismDriver;
  /** Undefined: only connections inside the node. */
  readonly vxlan: VxlanTunnels | undefined;
  readonly pods: PodContexts;
  /** Joins two ports; repeatable. */
  crossConnect(a: HostPort, b: HostPort): Promise<void>;
  /** Tells through a port who has addresses now; absent when nobody listens. */
  announce?: Announcer["announce"];
  /** The links in the forwarder's namespace, those of earlier processes included; absent without a kernel. */
  readonly hostLinks?: HostLinks;
  /** Begins to watch links and namespaces, until `ctx` ends; absent when nothing can happen to them. */
  watch?(ctx: Context): Watches;
  /**
   * Requests to the kernel since the start, the nanoseconds spent in them, and the links removed since nobody claimed
   * them; absent without a kernel.
   */
  totals?(): Record<"netlink.messages" | "netlink.nanoseconds" | "links.purged", number>;
  /** Gives descriptors back; links stay. */
  close(): void;
}
