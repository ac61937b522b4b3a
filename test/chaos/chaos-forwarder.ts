// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { forwarder } from "@nsm/daemons/forwarder";
import { kernelDataplane } from "@nsm/dataplane";
import { linuxError, openRouteSocket, type RouteSocket } from "@nsm/linux";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "../../apps/forwarder/src/config.js";

/** Where a node's chaos forwarder reads what it is to do worse, inside its mount namespace. */
export const SPOIL_FILE = "/run/chaos-forwarder.json";

/** What goes wrong in the kernel. */
export interface Spoil {
  /** Pause before each change: link, alias, up, address, route, filter. Milliseconds. */
  readonly delayMs?: number;
  /** Error of the kernel. */
  readonly code?: "EBUSY" | "ENOBUFS";
  /** Share of the changes that fail with it, 0 to 1. */
  readonly share?: number;
}

const spoil = (): Spoil =>
  existsSync(SPOIL_FILE) ? (JSON.parse(readFileSync(SPOIL_FILE, "utf8")) as Spoil) : {};

/** Before a change of the kernel: waits, and perhaps fails instead of it. */
async function before(change: string): Promise<void> {
  const { delayMs = 0, code, share = 0 } = spoil();
  if (delayMs > 0) await delay(delayMs);
  if (code !== undefined && Math.random() < share) throw linuxError(code, change);
}

/** rtnetlink whose changes are slow or fail; what only looks, and what deletes, stays as it is. */
function spoiled(real: RouteSocket): RouteSocket {
  return {
    ...real,
    async linkAdd(link) {
      await before("RTM_NEWLINK");
      await real.linkAdd(link);
    },
    async linkSet(link, changes) {
      await before("RTM_NEWLINK");
      await real.linkSet(link, changes);
    },
    async addressReplace(linkIndex, address) {
      await before("RTM_NEWADDR");
      await real.addressReplace(linkIndex, address);
    },
    async routeReplace(route) {
      await before("RTM_NEWROUTE");
      await real.routeReplace(route);
    },
    async redirectReplace(from, to) {
      await before("RTM_NEWTFILTER");
      await real.redirectReplace(from, to);
    },
  };
}

/** The app's forwarder over a spoiled kernel, as a daemon of a node. */
export async function runChaosForwarder(): Promise<void> {
  await runDaemon({
    name: "forwarder",
    spec,
    configure,
    async build(config, ports) {
      const { tunnelIp, vxlanPort } = config;
      const openRoute = (...args: Parameters<typeof openRouteSocket>) => spoiled(openRouteSocket(...args));
      return await forwarder(
        config,
        ports,
        await kernelDataplane({ log: ports.log, tunnelIp, vxlanPort, openRoute }),
      );
    },
  });
}
