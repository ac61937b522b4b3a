// SPDX-License-Identifier: Apache-2.0
import { randomInt } from "node:crypto";
import { WellKnownPort } from "@nsm/api";
import { Code, type Logger, StatusError } from "@nsm/core";
import {
  announcer,
  type Capability,
  type KernelCapabilities,
  type Link,
  type Netns,
  netlinkStatistics,
  netnsSwitchRefusal,
  openRouteSocket,
  probeKernel,
  type RouteSocket,
} from "@nsm/linux";
import { podContexts } from "../connection-context/index.js";
import { crossConnect } from "../cross-connect/index.js";
import { vxlanMtuBytes } from "../elements/index.js";
import { foundLinks, HostLinks, kernelOwners } from "../host-links/index.js";
import {
  kernelDriver,
  type OwnLinks,
  VniIndex,
  type VxlanDriverOptions,
  vxlanDriver,
} from "../mechanisms/index.js";
import { kernelWatches } from "../watch/index.js";
import type { Dataplane, VxlanTunnels } from "./dataplane.js";
import { defaultTunnelIp, tunnelAddress } from "./tunnel-address.js";

/** What {@link kernelDataplane} takes. */
export interface KernelDataplaneOptions {
  readonly log: Logger;
  /** `NSM_TUNNEL_IP`; default: see `defaultTunnelIp`. */
  readonly tunnelIp?: string | undefined;
  /** `NSM_VXLAN_PORT`; 0 or absent: 4789. */
  readonly vxlanPort?: number;
  /** The forwarder's namespace; default: the own one. */
  readonly netns?: Netns;
  /** What the kernel allows. Default: `probeKernel`, which takes a tenth of a second. */
  readonly capabilities?: KernelCapabilities;
  /** Opens rtnetlink, here and in pods. Default: the kernel's, `openRouteSocket`. */
  readonly openRoute?: (netns: Netns | undefined) => RouteSocket;
}

/**
 * The data plane of this kernel. Tries first what the kernel and our permissions allow, and logs it: without veth
 * pairs, redirects or namespaces it refuses to start; without VXLAN or a tunnel address it serves connections inside
 * the node only.
 * @throws FAILED_PRECONDITION KERNEL_CAPABILITY, VXLAN_PORT_BUSY; INVALID_ARGUMENT TUNNEL_IP
 */
export async function kernelDataplane(options: KernelDataplaneOptions): Promise<Dataplane> {
  const { netns, log } = options;
  const port = options.vxlanPort || WellKnownPort.VXLAN;
  const capabilities =
    options.capabilities ?? (await probeKernel({ ...(netns && { netns }), vxlanPort: port }));
  log.info({ ...capabilities }, "kernel capabilities");
  requireCapability("make veth pairs", capabilities.veth);
  requireCapability("redirect frames (tc u32, mirred)", capabilities.redirect);
  const refusal = netnsSwitchRefusal();
  requireCapability(
    "enter network namespaces",
    refusal ? { ok: false, reason: refusal.message } : { ok: true },
  );
  const openRoute = options.openRoute ?? openRouteSocket;
  const route = openRoute(netns);
  const neighbours = announcer(netns);
  const close = (): void => {
    neighbours.close();
    route.close();
  };
  try {
    const found = await route.links();
    const vnis = new VniIndex();
    vnis.load(found, port);
    const forget = ({ vxlan, index }: Link): void => {
      if (vxlan !== undefined) vnis.release(vxlan.vni, index);
    };
    const owners = kernelOwners(netns);
    const more = () => ({ vnis: vnis.size });
    const hostLinks = new HostLinks(
      { route, owners, onRemoved: forget, more },
      await foundLinks(route, found),
    );
    const own: OwnLinks = {
      get group() {
        return hostLinks.group;
      },
      unclaimed: (alias) => hostLinks.unclaimed(alias),
      removed: (link) => hostLinks.gone(link),
    };
    return {
      kernel: kernelDriver(route, own, openRoute),
      vxlan: await tunnels({ route, vnis, own, port }, options, capabilities.vxlan),
      pods: podContexts(openRoute),
      crossConnect: (a, b) => crossConnect(route, a, b),
      announce: ({ ifindex }, owners) => neighbours.announce(ifindex, owners),
      hostLinks,
      watch: (ctx) => kernelWatches(ctx, route, netns),
      totals: () => ({
        "netlink.messages": netlinkStatistics.messages,
        "netlink.nanoseconds": netlinkStatistics.nanoseconds,
        "links.purged": hostLinks.removed,
      }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function requireCapability(what: string, capability: Capability): void {
  if (capability.ok) return;
  const message =
    `this process cannot ${what}: ${capability.reason};` +
    " it needs CAP_NET_ADMIN and CAP_SYS_ADMIN where the pods' network namespaces belong";
  throw new StatusError(Code.FAILED_PRECONDITION, message, { reason: "KERNEL_CAPABILITY" });
}

type TunnelOptions = Required<Pick<VxlanDriverOptions, "route" | "vnis" | "own" | "port">>;

async function tunnels(
  shared: TunnelOptions,
  { tunnelIp, log }: KernelDataplaneOptions,
  capability: Capability,
): Promise<VxlanTunnels | undefined> {
  const { route, vnis, port } = shared;
  if (!capability.ok) {
    if (capability.reason.includes("EADDRINUSE")) throw portBusy(port, capability.reason);
    log.warn({ reason: capability.reason }, "no VXLAN in this kernel: only connections inside the node");
    return undefined;
  }
  const chosenIp = tunnelIp || (await defaultTunnelIp(route));
  if (chosenIp === undefined) {
    log.warn({}, "no default route and no NSM_TUNNEL_IP: only connections inside the node");
    return undefined;
  }
  const { ip, linkMtuBytes } = await tunnelAddress(route, chosenIp);
  const mtuBytes = vxlanMtuBytes(ip, linkMtuBytes);
  log.info({ tunnelIp: ip, port, mtuBytes }, "VXLAN tunnels");
  return {
    driver: vxlanDriver({ ...shared, tunnelIp: ip }),
    tunnelIp: ip,
    port,
    mtuBytes,
    randomUint32: () => freeDraw(vnis),
  };
}

const drawsMax = 256;

/**
 * A random number of which both VNIs that the rules derive (even `2r`, odd `2r + 1`) are free on this node; after many
 * draws any.
 */
export function freeDraw(vnis: Pick<VniIndex, "isFree">, draw = () => randomInt(2 ** 32)): number {
  for (let i = 1; i < drawsMax; i++) {
    const random = draw();
    const even = (random * 2) % 2 ** 24;
    if (vnis.isFree(even) && vnis.isFree(even + 1)) return random;
  }
  return draw();
}

function portBusy(port: number, reason: string): StatusError {
  const message =
    `UDP port ${port} is taken by something that does not share it (another VXLAN user of this node): ${reason};` +
    " set NSM_VXLAN_PORT to another port on all nodes";
  return new StatusError(Code.FAILED_PRECONDITION, message, { reason: "VXLAN_PORT_BUSY" });
}
